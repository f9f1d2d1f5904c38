import { setTimeout as sleep } from "node:timers/promises";
import { type BanditClient, ClientError, createBanditClient } from "../../../src/client/index.ts";
import { formatGenerationId } from "../../../src/domain/generation-id.ts";
import { SeededGenerator } from "../../../src/numerics/random-generator.ts";
import { seededIds } from "../../support/seeded-ids.ts";
import type { LoggedCall } from "./call-log.ts";
import type { LedgerModel } from "./ledger-model.ts";
import { type Answer, sendGeneration, sendOutcome } from "./report-calls.ts";
import { makeTaskPlan, type PlannedReport, type TaskPlan } from "./task-plan.ts";

export interface VirtualLoadOptions {
  /** `host:port` of every replica; an agent that is not answered by one asks the next. */
  readonly addresses: readonly string[];
  readonly agentTypes: readonly string[];
  readonly codeTypes: readonly string[];
  readonly seed: number;
  readonly ledger: LedgerModel;
  /** Tasks begun in a second, each of about five calls; {@link tasksPerSecondDefault} when absent. */
  readonly tasksPerSecond?: number;
}

/** About 200 calls a second. */
const tasksPerSecondDefault = 40;
const deadlineMs = 3_000;
/** Tasks that wait for a decision, and reports under way, at most; beyond it agents wait for each other. */
const selectsMax = 150;
const reportsMax = 150;
const pauseMsMin = 50;
const pauseMsMax = 250;

/**
 * Agents at work, as careful as an agent should be: every call is repeated with the same ids until it is
 * acknowledged, whatever happens. What is acknowledged goes into the ledger, every attempt into the log.
 */
export class VirtualLoad {
  readonly calls: LoggedCall[] = [];
  readonly #options: VirtualLoadOptions;
  readonly #clients: readonly BanditClient[];
  readonly #random: () => number;
  readonly #nextId: () => Uint8Array;
  readonly #tasks = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  readonly #giveUp = new AbortController();
  #selecting = 0;
  #reporting = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: VirtualLoadOptions) {
    this.#options = options;
    this.#clients = options.addresses.map((address) => createBanditClient({ address, deadlineMs }));
    const generator = SeededGenerator.fromSeed(options.seed);
    this.#random = () => generator.next();
    this.#nextId = seededIds(options.seed);
  }

  start(): void {
    const { tasksPerSecond = tasksPerSecondDefault } = this.#options;
    this.#timer = setInterval(() => {
      if (this.#selecting >= selectsMax) return;
      const task: Promise<void> = this.#run(this.#plan())
        .catch((error: unknown) => void this.#failures.push(error))
        .finally(() => this.#tasks.delete(task));
      this.#tasks.add(task);
    }, 1000 / tasksPerSecond);
  }

  /** Selects that were answered so far. */
  get answeredSelects(): number {
    return this.calls.filter(({ kind, status }) => kind === "select" && status === "ok").length;
  }

  /** Reports that the service has refused so far because a bound was reached: outbox, spool or spill. */
  get refusals(): number {
    return this.calls.filter(({ reason }) => /^(OUTBOX|SPILL|SPOOL)_FULL$/.test(reason)).length;
  }

  /**
   * Begins no more tasks and waits until everything that was begun is acknowledged.
   * @throws when that takes longer than `timeoutMs`, or a call was refused for good
   */
  async finish(timeoutMs: number): Promise<void> {
    clearInterval(this.#timer);
    const timer = setTimeout(() => this.#giveUp.abort(), timeoutMs);
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    clearTimeout(timer);
    for (const client of this.#clients) client.close();
    if (this.#failures.length > 0) {
      throw new AggregateError(
        this.#failures,
        `${this.#failures.length} tasks were never acknowledged, the first: ${String(this.#failures[0])}`,
      );
    }
  }

  #plan(): TaskPlan {
    const nowMs = Date.now();
    const bytes = this.#nextId();
    // Of now and of any partition, as a client's ids are; seeded otherwise.
    for (let index = 0; index < 6; index += 1) {
      bytes[index] = Math.floor(nowMs / 2 ** (8 * (5 - index))) % 256;
    }
    bytes[6] = 0x70 | Math.floor(this.#random() * 16);
    bytes[7] = Math.floor(this.#random() * 256);
    const generationId = formatGenerationId(bytes);
    const { agentTypes, codeTypes } = this.#options;
    return makeTaskPlan({ random: this.#random, agentTypes, codeTypes, generationId, nowMs });
  }

  async #run(task: TaskPlan): Promise<void> {
    this.#selecting += 1;
    try {
      const copies = task.selectsTwice ? [0, 1] : [0];
      await Promise.all(copies.map(() => this.#select(task)));
    } finally {
      this.#selecting -= 1;
    }
    // The agent works with the variant it was given, and has nobody to report to.
    if (!this.#options.ledger.generations.has(task.generationId)) return;
    for (const { afterMs, reports } of task.stages) {
      await this.#wait(afterMs);
      while (this.#reporting >= reportsMax) await this.#pause();
      this.#reporting += reports.length;
      try {
        await Promise.all(reports.map((report) => this.#report(task, report)));
      } finally {
        this.#reporting -= reports.length;
      }
    }
  }

  async #select({ agentType, codeType, generationId }: TaskPlan): Promise<void> {
    const { ledger } = this.#options;
    await this.#untilAcknowledged(
      { kind: "select", generationId, reportId: "" },
      async (client) => {
        const request = { agentType, codeType, generationId, agentId: `${agentType}_1` };
        const { variant, degraded, degradedReason } = await client.selectVariant(request);
        const unrecorded = degradedReason.includes("not stored");
        const variantId = variant?.variantId ?? "";
        if (unrecorded) ledger.noteUnrecorded(generationId);
        else {
          const decision = { generationId, agentType, codeType, variantId };
          ledger.acknowledgeDecision({ ...decision, degraded });
        }
        return { degraded, duplicate: false, unrecorded, reason: degradedReason };
      },
    );
  }

  async #report(task: TaskPlan, report: PlannedReport): Promise<void> {
    const { generationId } = task;
    const { ledger } = this.#options;
    const reportId = report.kind === "generation" ? "generation" : report.outcomeId;
    await this.#untilAcknowledged({ kind: report.kind, generationId, reportId }, async (client) => {
      if (report.kind === "generation") {
        const status = await sendGeneration(client, generationId, report);
        ledger.acknowledgeGeneration(generationId, report.report);
        return status;
      }
      const status = await sendOutcome(client, generationId, report);
      ledger.acknowledgeOutcome(generationId, report.outcomeId, report.outcome);
      return status;
    });
  }

  async #untilAcknowledged(
    what: Pick<LoggedCall, "kind" | "generationId" | "reportId">,
    send: (client: BanditClient) => Promise<Answer>,
  ): Promise<void> {
    let replica = Math.floor(this.#random() * this.#clients.length);
    for (;;) {
      const startMs = performance.now();
      const call = { ...what, startMs, deadlineMs };
      try {
        const answer = await send(this.#clients[replica] as BanditClient);
        this.calls.push({ ...call, ...succeeded, ...answer, endMs: performance.now() });
        return;
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        const { code: status, reason, retryAfterMs } = error;
        const endMs = performance.now();
        this.calls.push({ ...call, ...failed, endMs, status, reason, retryAfterMs });
        if (this.#giveUp.signal.aborted) throw error;
        await this.#pause(retryAfterMs);
        replica = (replica + 1) % this.#clients.length;
      }
    }
  }

  /** As long as the service has asked for, or some moments; a little random so that agents do not come all at once. */
  async #pause(retryAfterMs = 0): Promise<void> {
    const ms = pauseMsMin + this.#random() * (pauseMsMax - pauseMsMin);
    await this.#wait(Math.max(ms, Math.min(retryAfterMs, deadlineMs)));
  }

  async #wait(ms: number): Promise<void> {
    if (ms > 0 && !this.#giveUp.signal.aborted) await sleep(ms);
  }
}

const succeeded = { status: "ok", retryAfterMs: undefined } as const;
const failed = { degraded: false, duplicate: false, unrecorded: false } as const;
