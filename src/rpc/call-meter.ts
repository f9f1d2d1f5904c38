import type { ErrorCode } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { statusCode, statusName } from "./status.ts";

/** Counts and times the calls of one rpc. The label objects are made once, not per call. */
export class CallMeter {
  readonly rpc: string;
  readonly #telemetry: Telemetry;
  readonly #clock: Clock;
  readonly #timingLabels: Readonly<Record<string, string>>;
  readonly #okLabels: Readonly<Record<string, string>>;

  constructor(rpc: string, options: { telemetry: Telemetry; clock: Clock }) {
    this.#telemetry = options.telemetry;
    this.#clock = options.clock;
    this.rpc = rpc;
    this.#timingLabels = { rpc };
    this.#okLabels = { rpc, code: "OK" };
  }

  start(): number {
    return this.#clock.monotonicMs();
  }

  succeeded(startedMs: number): void {
    this.#telemetry.count("bandit_requests_total", this.#okLabels);
    this.#observe(startedMs);
  }

  failed(startedMs: number, code: ErrorCode): void {
    this.refused(code);
    this.#observe(startedMs);
  }

  /** Answered without being begun. */
  refused(code: ErrorCode): void {
    const labels = { rpc: this.rpc, code: statusName(statusCode(code)) };
    this.#telemetry.count("bandit_requests_total", labels);
  }

  #observe(startedMs: number): void {
    const durationMs = this.#clock.monotonicMs() - startedMs;
    this.#telemetry.observeMs("bandit_request_duration_ms", durationMs, this.#timingLabels);
  }
}
