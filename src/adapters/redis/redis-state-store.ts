import type { DecisionRecord } from "../../domain/decision.ts";
import { BanditError, invariant } from "../../domain/errors.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import { waitingBytesMax } from "../../ports/outbox-bounds.ts";
import {
  type ApplyContributionsInput,
  type ApplyContributionsResult,
  type ArmTotals,
  eventsPerGenerationMax,
  type OutboxBatch,
  type OutboxState,
  type RecordDecisionInput,
  type StateStore,
} from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import { requireBookable } from "../state/bookable-contributions.ts";
import { eventBytes } from "../state/outbox-entries.ts";
import { CallBudget } from "./call-budget.ts";
import { claimEventLog, type EventLogClaim } from "./event-log-claim.ts";
import {
  armPartition,
  decisionAddress,
  groupsKey,
  metaKey,
  probeField,
  totalsKey,
} from "./keys.ts";
import { PartitionBatcher } from "./partition-batcher.ts";
import {
  type AddressedDecision,
  applyContributions,
  callsPerStepMax,
  type DecisionLookup,
  findDecisions,
  type RunStep,
  recordDecisions,
} from "./partition-steps.ts";
import {
  connectRedis,
  inTime,
  isClusterNode,
  type RedisClient,
  translateRedisError,
} from "./redis-client.ts";
import { RedisOutbox } from "./redis-outbox.ts";
import { RedisStateRepair } from "./redis-state-repair.ts";
import { defineScripts, runScript, type ScriptArgument, type ScriptName } from "./scripts.ts";
import { checkServer } from "./server-checks.ts";
import { TotalsChannel } from "./totals-channel.ts";
import { parseTotals } from "./totals-text.ts";

export interface RedisStateStoreOptions {
  /** `redis://` or `rediss://`; several separated by commas mean a Redis Cluster. */
  readonly url: string;
  readonly clock: Clock;
  /** Partitions of the key space; 16 by default. Fixed once there is data. */
  readonly partitions?: number;
  /** Where this process writes the events; absent: it writes none. */
  readonly eventLog?: EventLogClaim;
  /** Unique for each process. */
  readonly consumer: string;
  /** After how long a call fails with `unavailable`; 1000 by default. */
  readonly commandTimeoutMs?: number;
  readonly logger: Logger;
  /** Told about batches taken over from other processes. */
  readonly telemetry?: Telemetry;
  /** The url is one node of a Redis Cluster; found out when absent. */
  readonly cluster?: boolean;
  /** After how long another process's batch of outbox entries is taken over; 60,000 by default. */
  readonly claimIdleMs?: number;
  /** Calls collected or under way at most; 50,000 by default. */
  readonly callsMax?: number;
  /** Bytes of events they may hold; 256 MiB by default. */
  readonly waitingBytesMax?: number;
}

const groupsPageSize = 50;
const statuses: readonly ApplyContributionsResult["status"][] = [
  "applied",
  "replaced",
  "superseded",
  "duplicate",
];

/** The state store on Redis ≥ 7, one server or a cluster, shared by any number of processes. */
export class RedisStateStore implements StateStore {
  readonly shared = true;
  readonly repair: RedisStateRepair;
  readonly #client: RedisClient;
  readonly #channel: TotalsChannel;
  readonly #outbox: RedisOutbox;
  readonly #logger: Logger;
  readonly #partitions: number;
  readonly #timeoutMs: number;
  readonly #budget: CallBudget;
  readonly #decisions: PartitionBatcher<AddressedDecision, DecisionRecord | undefined>;
  readonly #lookups: PartitionBatcher<DecisionLookup, DecisionRecord | undefined>;
  readonly #contributions: PartitionBatcher<ApplyContributionsInput, number>;
  #closing: Promise<void> | undefined;

  /**
   * @throws BanditError unavailable; failed_precondition when the server is too old or laid out differently, or its
   * events go to another event log.
   */
  static async connect(options: RedisStateStoreOptions): Promise<RedisStateStore> {
    const commandTimeoutMs = options.commandTimeoutMs ?? 1000;
    const partitions = options.partitions ?? 16;
    invariant(Number.isInteger(partitions) && partitions >= 1, "at least one partition");
    const connection = {
      url: options.url,
      cluster: options.cluster ?? false,
      commandTimeoutMs,
      logger: options.logger,
    };
    let client = await connectRedis(connection);
    try {
      if (await inTime(isClusterNode(client), commandTimeoutMs)) {
        client.disconnect();
        client = await connectRedis({ ...connection, cluster: true });
      }
      await inTime(checkServer(client, { ...options, partitions }), 2 * commandTimeoutMs);
      if (options.eventLog !== undefined) {
        await inTime(claimEventLog(client, options.eventLog), 2 * commandTimeoutMs);
      }
      defineScripts(client);
      // The last step that can fail: what it opens nobody would close after it.
      const channel = await TotalsChannel.subscribe(client, options.logger);
      return new RedisStateStore(client, channel, { ...options, commandTimeoutMs, partitions });
    } catch (error) {
      client.disconnect();
      throw translateRedisError(error);
    }
  }

  private constructor(
    client: RedisClient,
    channel: TotalsChannel,
    options: RedisStateStoreOptions & { commandTimeoutMs: number; partitions: number },
  ) {
    this.#client = client;
    this.#channel = channel;
    this.#logger = options.logger;
    this.#partitions = options.partitions;
    this.#timeoutMs = options.commandTimeoutMs;
    this.#budget = new CallBudget({
      callsMax: options.callsMax ?? 50_000,
      bytesMax: options.waitingBytesMax ?? waitingBytesMax,
    });
    const run: RunStep = (name, keys, args) => this.#run(name, keys, args);
    this.#outbox = new RedisOutbox({
      client,
      run,
      inTime: (reply) => this.#inTime(reply),
      partitions: options.partitions,
      consumer: options.consumer,
      claimIdleMs: options.claimIdleMs ?? 60_000,
      logger: options.logger,
      telemetry: options.telemetry,
    });
    this.repair = new RedisStateRepair({
      client,
      partitions: options.partitions,
      run,
      call: (send) => this.#call(send),
      announce: (changed) => channel.announce(changed),
      eventLog: options.eventLog,
    });
    const batch = { budget: this.#budget, batchMax: callsPerStepMax };
    this.#decisions = new PartitionBatcher({
      ...batch,
      bytesOf: ({ input }) => eventBytes(input.event),
      send: (partition, calls) => recordDecisions(run, partition, calls),
    });
    this.#lookups = new PartitionBatcher({
      ...batch,
      bytesOf: () => 0,
      send: (partition, calls) => findDecisions(run, partition, calls),
    });
    this.#contributions = new PartitionBatcher({
      ...batch,
      bytesOf: ({ event }) => eventBytes(event),
      send: async (partition, calls) => {
        const { codes, changed } = await applyContributions(run, partition, calls);
        // A caller finds its outcome in the posterior once the call has returned.
        channel.announce(changed);
        return codes;
      },
    });
  }

  async recordDecision(input: RecordDecisionInput): Promise<DecisionRecord | undefined> {
    const address = decisionAddress(input.record.generationId, this.#partitions);
    return await this.#decisions.call(address.partition, { input, address });
  }

  async findDecision(generationId: GenerationId): Promise<DecisionRecord | undefined> {
    const address = decisionAddress(generationId, this.#partitions);
    return await this.#lookups.call(address.partition, { generationId, address });
  }

  async applyContributions(input: ApplyContributionsInput): Promise<ApplyContributionsResult> {
    requireBookable(input);
    const code = await this.#contributions.call(armPartition(input, this.#partitions), input);
    const status = statuses[code];
    if (status !== undefined) return { status };
    throw new BanditError(
      "resource_exhausted",
      `a generation can have at most ${eventsPerGenerationMax} outcomes`,
      { reason: "TOO_MANY_OUTCOMES" },
    );
  }

  async *listTotals(): AsyncIterable<ArmTotals> {
    for (let partition = 0; partition < this.#partitions; partition += 1) {
      // SSCAN may give a member more than once.
      const seen = new Set<string>();
      let cursor = "0";
      do {
        const [next, groups] = await this.#call(() =>
          this.#client.sscan(groupsKey(partition), cursor, "COUNT", groupsPageSize),
        );
        cursor = next;
        const unseen = groups.filter((group) => !seen.has(group));
        for (const group of unseen) seen.add(group);
        for (const arms of await Promise.all(
          unseen.map((group) => this.#readGroup(partition, group)),
        )) {
          yield* arms;
        }
      } while (cursor !== "0");
    }
  }

  onTotalsChanged(listener: (totals: ArmTotals) => void): () => void {
    return this.#channel.onTotalsChanged(listener);
  }

  readOutbox(options: { rowsMax: number }): Promise<OutboxBatch | undefined> {
    return this.#call(() => this.#outbox.read(options.rowsMax), "own deadlines");
  }

  confirmOutbox(batch: OutboxBatch): Promise<void> {
    return this.#call(() => this.#outbox.confirm(batch), "own deadlines");
  }

  outboxState(): Promise<OutboxState> {
    return this.#call(() => this.#outbox.state(), "own deadlines");
  }

  async ping(): Promise<void> {
    // Writes nothing after the first time, but is refused wherever a write would be: PING is answered by a replica, too.
    await this.#call(() => this.#client.hsetnx(metaKey, probeField, "1"));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#budget.close();
    try {
      await this.#outbox.leave();
    } catch (error) {
      this.#logger.warn("unconfirmed events could not be handed to other processes at once", {
        error,
        consequence: "another process takes them over later",
      });
    }
    await this.#channel.close();
    this.#client.disconnect();
  }

  async #readGroup(partition: number, group: string): Promise<ArmTotals[]> {
    const fields = await this.#call(() => this.#client.hgetallBuffer(totalsKey(partition, group)));
    return Object.entries(fields).map(([variantId, stored]) =>
      parseTotals(group, variantId, stored),
    );
  }

  async #run(
    name: ScriptName,
    keys: readonly string[],
    args: readonly ScriptArgument[],
  ): Promise<unknown> {
    return await this.#inTime(runScript(this.#client, name, keys, args));
  }

  async #inTime<Reply>(reply: Promise<Reply>): Promise<Reply> {
    try {
      return await inTime(reply, this.#timeoutMs);
    } catch (error) {
      throw translateRedisError(error);
    }
  }

  /** Runs one call under the budget, with a deadline unless it has deadlines of its own. */
  async #call<Reply>(send: () => Promise<Reply>, deadlines?: "own deadlines"): Promise<Reply> {
    this.#budget.take();
    try {
      const reply = send();
      return await (deadlines === undefined ? inTime(reply, this.#timeoutMs) : reply);
    } catch (error) {
      throw translateRedisError(error);
    } finally {
      this.#budget.giveBack(1);
    }
  }
}
