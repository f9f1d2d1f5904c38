import {
  generationIdBucket,
  generationIdBytes,
  generationIdTimestampMs,
} from "../../domain/generation-id.ts";
import type { AgentType, CodeType, GenerationId } from "../../domain/ids.ts";

/**
 * Every key of this service in Redis. Each carries the tag `{pNN}` of one of P partitions, so that all
 * keys of one atomic step are in one slot of a Redis Cluster. Documented for operators in
 * docs/reference/redis-keys.md; a test keeps the two in step.
 *
 * | key | type | owner | lifetime |
 * | `bandit:{pNN}:d:<slice>:<bucket>` | hash: rest of the id → packed decision | recordDecision | attribution window |
 * | `bandit:{pNN}:l` | hash: labels → number, number → labels | recordDecision | for ever; one entry for each pair of variant and code type |
 * | `bandit:{pNN}:t:<agent>\|<code>` | hash: variant id → totals | applyContributions | for ever |
 * | `bandit:{pNN}:g` | set of `<agent>\|<code>` that have totals | applyContributions | for ever |
 * | `bandit:{pNN}:c:<generation id>` | hash: ledger of one generation | applyContributions | attribution window after the last event |
 * | `bandit:{pNN}:outbox` | stream | both; the event writer removes | until confirmed |
 * | `bandit:{pNN}:o` | hash: `rows` and `bytes` in the outbox | as the outbox | while there is something in it |
 * | `bandit:{p00}:batches` | hash: id → record of a batch under way | the event writer | until confirmed |
 * | `bandit:{p00}:meta` | hash: `partitions`, `batches`, `origin`, `event_log`, `probe` | connect, the event writer, a rebuild, ping | for ever |
 * | `bandit:totals:<database>` | channel, no key | applyContributions | |
 */
/** Kept in the first partition: the number of partitions, which must never change once there is data. */
export const metaKey = `bandit:${tag(0)}:meta`;
/** In the first partition too: the batches of the outbox that are under way. */
export const batchesKey = `bandit:${tag(0)}:batches`;
/** Field of the meta hash: whose state this is, see `origin.ts`. */
export const originField = "origin";
/** Field of the meta hash: where the events of this state go, see `event-log-claim.ts`. */
export const eventLogField = "event_log";
/** Field of the meta hash that is written to see whether writes are taken. */
export const probeField = "probe";

/**
 * Redis keeps keys apart by database, channels not: without its number, services on two databases of one
 * server would teach each other.
 */
export function totalsChannelName(database: number): string {
  return `bandit:totals:${database}`;
}

export function outboxKey(partition: number): string {
  return `bandit:${tag(partition)}:outbox`;
}

export function outboxCountersKey(partition: number): string {
  return `bandit:${tag(partition)}:o`;
}

export function labelsKey(partition: number): string {
  return `bandit:${tag(partition)}:l`;
}

export function groupsKey(partition: number): string {
  return `bandit:${tag(partition)}:g`;
}

/** `<agent>|<code>`; neither part can hold a bar. */
export function armGroup(arm: { agentType: AgentType; codeType: CodeType }): string {
  return `${arm.agentType}|${arm.codeType}`;
}

export function totalsKey(partition: number, group: string): string {
  return `bandit:${tag(partition)}:t:${group}`;
}

export function ledgerKey(partition: number, generationId: GenerationId): string {
  return `bandit:${tag(partition)}:c:${generationId}`;
}

/** The partition of the posteriors of one agent type and code type: FNV-1a of both, modulo P. */
export function armPartition(
  arm: { agentType: AgentType; codeType: CodeType },
  partitions: number,
): number {
  const text = `${arm.agentType}\0${arm.codeType}`;
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash % partitions;
}

export interface DecisionAddress {
  readonly partition: number;
  readonly key: string;
  readonly field: Buffer;
  /** Of the id. */
  readonly timestampMs: number;
}

/** Milliseconds of ids that share a hash: 2^14. */
const sliceMs = 16_384;

/**
 * Where the decision of a generation is kept. The key holds the time slice and the bucket of the id;
 * the field holds the rest: 14 bits of time and 64 bits of variant and `rand_b` in 10 bytes, and the
 * version in an eleventh byte where it is not 7. So every UUID has an address of its own.
 */
export function decisionAddress(generationId: GenerationId, partitions: number): DecisionAddress {
  const bytes = generationIdBytes(generationId);
  const bucket = generationIdBucket(bytes);
  const timestampMs = generationIdTimestampMs(bytes);
  const version = (bytes[6] as number) >>> 4;
  const field = Buffer.allocUnsafe(version === 7 ? 10 : 11);
  field[0] = (bytes[4] as number) & 0x3f;
  field[1] = bytes[5] as number;
  field.set(bytes.subarray(8, 16), 2);
  if (version !== 7) field[10] = version;
  const partition = bucket % partitions;
  const slice = Math.floor(timestampMs / sliceMs).toString(36);
  return {
    partition,
    key: `bandit:${tag(partition)}:d:${slice}:${bucket.toString(36)}`,
    field,
    timestampMs,
  };
}

function tag(partition: number): string {
  return `{p${String(partition).padStart(2, "0")}}`;
}
