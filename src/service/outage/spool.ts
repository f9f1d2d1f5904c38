import type { DecisionRecord } from "../../domain/decision.ts";
import { BanditError } from "../../domain/errors.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DiskQueue } from "../../ports/disk-queue.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { DecisionSpool, UnstoredDecision } from "../deciding/decision-spool.ts";
import type { ReceivedReport, ReportSpool } from "../recording/received-reports.ts";
import {
  decisionKey,
  decodeSpooled,
  encodeSpooled,
  type SpooledRecord,
  spoolKey,
} from "./spooled-record.ts";

export interface SpoolOptions {
  readonly queue: DiskQueue;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/**
 * Decisions and reports received while the state store could not be reached: on this machine's disk before they are
 * acknowledged, and applied later by {@link SpoolDrain}.
 *
 * A record that cannot be read, because it is damaged or of another version of this program, fails no call: it counts as
 * absent, and the drain makes a dead letter of it.
 */
export class Spool implements DecisionSpool, ReportSpool {
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

  /** Whether a decision of this generation waits here, be it one that cannot be read. Costs nothing while nothing waits. */
  holdsDecision(generationId: GenerationId): boolean {
    return this.queue.size.records > 0 && this.queue.has(decisionKey(generationId));
  }

  /** A decision that waits here. Costs nothing while nothing does. */
  findDecision(generationId: GenerationId): DecisionRecord | undefined {
    const record = this.#find(decisionKey(generationId));
    return record?.kind === "decision" ? record.decision.record : undefined;
  }

  /**
   * Keeps a decision; durable on resolve.
   * @returns the decision kept for this generation, which is an earlier one where there is one.
   * @throws BanditError resource_exhausted (SPOOL_FULL), unavailable (also where an unreadable one is in the way)
   */
  addDecision(decision: UnstoredDecision): Promise<DecisionRecord> {
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
  async addReport(record: ReceivedReport): Promise<void> {
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

  async #addDecision(decision: UnstoredDecision): Promise<DecisionRecord> {
    const { generationId } = decision.record;
    const earlier = this.findDecision(generationId);
    if (earlier !== undefined) return earlier;
    // The record cannot be read and may be this decision, so it is not replaced.
    if (this.holdsDecision(generationId)) throw unreadableInTheWay();
    await this.#append({ kind: "decision", spooledAtMs: this.#options.clock.nowMs(), decision });
    this.#options.telemetry.count("bandit_decisions_spooled_total");
    return decision.record;
  }

  async #append(record: SpooledRecord): Promise<void> {
    let key = spoolKey(record);
    // A record is left as it is by one with the same key. Behind an unreadable one the same report is kept once more.
    if (this.queue.has(key) && this.#find(key) === undefined) key = `${key}:again`;
    try {
      await this.queue.append([{ key, text: encodeSpooled(record) }]);
    } catch (error) {
      throw translate(error);
    }
    this.measure();
    for (const listener of this.#listeners) listener();
  }

  /** Undefined, and counted, for one that cannot be read. */
  #find(key: string): SpooledRecord | undefined {
    const found = this.queue.size.records === 0 ? undefined : this.queue.find(key);
    if (found === undefined) return undefined;
    try {
      return decodeSpooled(found.text);
    } catch {
      this.#options.telemetry.count("bandit_spool_unreadable_total");
      return undefined;
    }
  }

  #countRefusal(kind: ReceivedReport["kind"], error: unknown): void {
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

function unreadableInTheWay(): BanditError {
  return new BanditError("unavailable", "a spooled decision of this generation cannot be read", {
    reason: "SPOOLED_RECORD_UNREADABLE",
  });
}
