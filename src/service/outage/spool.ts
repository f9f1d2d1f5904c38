import type { DecisionRecord } from "../../domain/decision.ts";
import { BanditError } from "../../domain/errors.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DiskQueue } from "../../ports/disk-queue.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import {
  decisionKey,
  decodeSpooled,
  encodeSpooled,
  type SpooledDecision,
  type SpooledKind,
  type SpooledRecord,
  spoolKey,
} from "./spooled-record.ts";

export interface SpoolOptions {
  readonly queue: DiskQueue;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/**
 * What came while the state store could not be reached: on this machine's disk before it is acknowledged, and
 * applied later by {@link SpoolReplay}.
 */
export class Spool {
  readonly #options: SpoolOptions;
  /** Decisions on their way to the disk, so that two calls with one id get one answer. */
  readonly #arriving = new Map<GenerationId, Promise<DecisionRecord>>();
  readonly #listeners: (() => void)[] = [];

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.measure();
  }

  get queue(): DiskQueue {
    return this.#options.queue;
  }

  /** `listener` is called after every record that was added. */
  onAdded(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** A decision that waits here. Costs nothing while nothing does. */
  findDecision(generationId: GenerationId): DecisionRecord | undefined {
    if (this.queue.size.records === 0) return undefined;
    const found = this.queue.find(decisionKey(generationId));
    if (found === undefined) return undefined;
    const record = decodeSpooled(found.text);
    return record.kind === "decision" ? record.decision.record : undefined;
  }

  /**
   * Keeps a decision; durable on resolve.
   * @returns the decision kept for this generation, which is an earlier one where there is one.
   * @throws BanditError resource_exhausted (SPOOL_FULL), unavailable
   */
  addDecision(decision: SpooledDecision): Promise<DecisionRecord> {
    const { generationId } = decision.record;
    const arriving = this.#arriving.get(generationId);
    if (arriving !== undefined) return arriving;
    const added = this.#addDecision(decision).finally(() => {
      this.#arriving.delete(generationId);
    });
    this.#arriving.set(generationId, added);
    return added;
  }

  /**
   * Keeps a report; durable on resolve. The same report again changes nothing.
   * @throws BanditError resource_exhausted (SPOOL_FULL), unavailable
   */
  async addReport(record: Exclude<SpooledRecord, { kind: "decision" }>): Promise<void> {
    try {
      await this.#append(record);
    } catch (error) {
      this.#countRefusal(record.kind, error);
      throw error;
    }
    this.#options.telemetry.count("bandit_reports_spooled_total", { kind: record.kind });
  }

  /** Tells the metrics how much waits. */
  measure(): void {
    const { records, bytes } = this.queue.size;
    this.#options.telemetry.gauge("bandit_spool_records", records);
    this.#options.telemetry.gauge("bandit_spool_bytes", bytes);
  }

  async #addDecision(decision: SpooledDecision): Promise<DecisionRecord> {
    const earlier = this.findDecision(decision.record.generationId);
    if (earlier !== undefined) return earlier;
    await this.#append({ kind: "decision", spooledAtMs: this.#options.clock.nowMs(), decision });
    this.#options.telemetry.count("bandit_decisions_spooled_total");
    return decision.record;
  }

  async #append(record: SpooledRecord): Promise<void> {
    try {
      await this.queue.append([{ key: spoolKey(record), text: encodeSpooled(record) }]);
    } catch (error) {
      throw translate(error);
    }
    this.measure();
    for (const listener of this.#listeners) listener();
  }

  #countRefusal(kind: SpooledKind, error: unknown): void {
    if (!(error instanceof BanditError)) return;
    this.#options.telemetry.count("bandit_reports_refused_total", { kind, reason: error.reason });
  }
}

function translate(error: unknown): unknown {
  if (!(error instanceof BanditError) || error.code !== "resource_exhausted") return error;
  return new BanditError(
    "resource_exhausted",
    "the state store cannot be reached, and the spool on disk is full",
    { reason: "SPOOL_FULL", retryAfterMs: error.retryAfterMs ?? 1000, cause: error },
  );
}
