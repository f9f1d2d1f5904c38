import {
  type ArmGroup,
  type OutboxMark,
  type ReplaceTotalsInput,
  type RestoredDecision,
  type RestoredLedger,
  replacedVersion,
  type StateOrigin,
  type StateRepair,
} from "../../ports/state-repair.ts";
import type { ArmTotals } from "../../ports/state-store.ts";
import { claimEventLog, type EventLogClaim } from "./event-log-claim.ts";
import {
  armGroup,
  armPartition,
  decisionAddress,
  groupsKey,
  labelsKey,
  ledgerKey,
  metaKey,
  originField,
  outboxKey,
  totalsKey,
} from "./keys.ts";
import { parseOrigin, restoredOrigin } from "./origin.ts";
import { packDecisions, type RunStep } from "./partition-steps.ts";
import type { RedisClient } from "./redis-client.ts";
import { encodeRewardTotals } from "./reward-totals-codec.ts";
import type { ScriptArgument } from "./scripts.ts";
import { parseTotals } from "./totals-text.ts";

/** Ledgers or decisions put back in one Lua step: about 3 ms of the server's time. */
const restoredPerStep = 100;
const nothingYet = "0-0";

/** {@link StateRepair} on Redis; each step stays within one partition, so within one slot of a cluster. */
export class RedisStateRepair implements StateRepair {
  readonly #client: RedisClient;
  readonly #partitions: number;
  readonly #run: RunStep;
  readonly #call: <Reply>(send: () => Promise<Reply>) => Promise<Reply>;
  readonly #announce: (changed: readonly ArmTotals[]) => void;
  readonly #eventLog: EventLogClaim | undefined;

  constructor(options: {
    client: RedisClient;
    partitions: number;
    run: RunStep;
    /** Runs one command with a deadline; rejects with a BanditError. */
    call: <Reply>(send: () => Promise<Reply>) => Promise<Reply>;
    announce: (changed: readonly ArmTotals[]) => void;
    eventLog: EventLogClaim | undefined;
  }) {
    this.#client = options.client;
    this.#partitions = options.partitions;
    this.#run = options.run;
    this.#call = options.call;
    this.#announce = options.announce;
    this.#eventLog = options.eventLog;
  }

  async restoreDecisions(decisions: readonly RestoredDecision[]): Promise<number> {
    const addressed = decisions.map((input) => ({
      input,
      address: decisionAddress(input.record.generationId, this.#partitions),
    }));
    let added = 0;
    for (const [partition, calls] of Map.groupBy(addressed, ({ address }) => address.partition)) {
      for (const step of inSteps(calls)) {
        const { hashes, packed } = packDecisions(step);
        const keys = [labelsKey(partition), ...hashes];
        added += Number(await this.#run("restore-decisions", keys, [packed]));
      }
    }
    return added;
  }

  async restoreLedgers(ledgers: readonly RestoredLedger[]): Promise<number> {
    let lacking = 0;
    const byPartition = Map.groupBy(ledgers, (ledger) => armPartition(ledger, this.#partitions));
    for (const [partition, all] of byPartition) {
      for (const step of inSteps(all)) {
        const keys = step.map(({ generationId }) => ledgerKey(partition, generationId));
        const args = step.flatMap(ledgerArguments);
        lacking += Number(await this.#run("restore-ledgers", keys, args));
      }
    }
    return lacking;
  }

  async readTotals(group: ArmGroup): Promise<readonly ArmTotals[]> {
    const name = armGroup(group);
    const key = totalsKey(armPartition(group, this.#partitions), name);
    const fields = await this.#call(() => this.#client.hgetallBuffer(key));
    return Object.entries(fields).map(([variantId, stored]) =>
      parseTotals(name, variantId, stored),
    );
  }

  async replaceTotals(input: ReplaceTotalsInput): Promise<boolean> {
    const { agentType, codeType, variantId, totals, expectedVersion } = input;
    const partition = armPartition(input, this.#partitions);
    const group = armGroup(input);
    const version = replacedVersion(input);
    const replaced = await this.#run(
      "replace-totals-2",
      [totalsKey(partition, group), groupsKey(partition)],
      [variantId, group, expectedVersion, encodeRewardTotals({ totals, version })],
    );
    if (replaced !== 1) return false;
    this.#announce([{ agentType, codeType, variantId, totals, version }]);
    return true;
  }

  async markOutbox(): Promise<OutboxMark> {
    return (await this.#outboxEnds()).map(([, last = nothingYet]) => last);
  }

  async isOutboxPast(mark: OutboxMark): Promise<boolean> {
    return (await this.#outboxEnds()).every(
      ([first], partition) => first === undefined || isAfter(first, mark[partition] ?? nothingYet),
    );
  }

  async findOrigin(): Promise<StateOrigin | undefined> {
    const id = await this.#call(() => this.#client.hget(metaKey, originField));
    return id === null ? undefined : parseOrigin(id);
  }

  async markRestored(): Promise<void> {
    const eventLog = this.#eventLog;
    // It was lost with everything else.
    if (eventLog !== undefined) await this.#call(() => claimEventLog(this.#client, eventLog));
    await this.#call(() =>
      this.#client.hset(metaKey, originField, restoredOrigin(), "partitions", this.#partitions),
    );
  }

  /** Ids of the first and the last entry of each partition's outbox. */
  #outboxEnds(): Promise<string[][]> {
    const partitions = Array.from({ length: this.#partitions }, (_, partition) => partition);
    return Promise.all(
      partitions.map(async (partition) => {
        const ends = await this.#run("outbox-ends-1", [outboxKey(partition)], []);
        return (ends as Buffer[]).map(String);
      }),
    );
  }
}

function ledgerArguments(ledger: RestoredLedger): ScriptArgument[] {
  const { ttlSeconds, eventIds, entries, position = "" } = ledger;
  const args: ScriptArgument[] = [ttlSeconds, position, eventIds.length, ...eventIds];
  args.push(entries.length);
  for (const { component, value, weight, penalty, occurredAtMs, eventId } of entries) {
    args.push(component, value, weight, penalty, occurredAtMs, eventId);
  }
  return args;
}

function* inSteps<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += restoredPerStep) {
    yield items.slice(from, from + restoredPerStep);
  }
}

/** Stream ids are `<milliseconds>-<sequence number>`. */
function isAfter(id: string, mark: string): boolean {
  const [ms = 0, sequence = 0] = id.split("-").map(Number);
  const [markMs = 0, markSequence = 0] = mark.split("-").map(Number);
  return ms > markMs || (ms === markMs && sequence > markSequence);
}
