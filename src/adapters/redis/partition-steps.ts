import type { DecisionRecord } from "../../domain/decision.ts";
import type { GenerationId } from "../../domain/ids.ts";
import {
  type ApplyContributionsInput,
  type ArmTotals,
  eventsPerGenerationMax,
  type RecordDecisionInput,
} from "../../ports/state-store.ts";
import { encodeDecisionLabels } from "../state/decision-labels.ts";
import { encodePlacement } from "../state/placement-codec.ts";
import {
  armGroup,
  type DecisionAddress,
  groupsKey,
  labelsKey,
  ledgerKey,
  outboxCountersKey,
  outboxKey,
  totalsKey,
} from "./keys.ts";
import { packDecisionHead, unpackDecision } from "./packed-decision.ts";
import { decodeRewardTotals } from "./reward-totals-codec.ts";
import type { ScriptArgument, ScriptName } from "./scripts.ts";

/** Runs one Lua step with a deadline; rejects with a BanditError. */
export type RunStep = (
  name: ScriptName,
  keys: readonly string[],
  args: readonly ScriptArgument[],
) => Promise<unknown>;

/**
 * Calls in one Lua step at most, so rows in one outbox entry: about 2 ms of the server's time for decisions.
 * Outcomes cost more: on a busy machine 18 µs each and, with the context of 16 features, 54. So a full step
 * of them, which only a backlog makes, is 5 or 14 ms.
 */
export const callsPerStepMax = 250;

export interface AddressedDecision {
  readonly input: RecordDecisionInput;
  readonly address: DecisionAddress;
}

export interface DecisionLookup {
  readonly generationId: GenerationId;
  readonly address: DecisionAddress;
}

/** Stores decisions of one partition; for each the earlier record, or undefined when it was stored. */
export async function recordDecisions(
  run: RunStep,
  partition: number,
  calls: readonly AddressedDecision[],
): Promise<readonly (DecisionRecord | undefined)[]> {
  const { hashes, packed } = packDecisions(calls);
  const outbox = [outboxKey(partition), outboxCountersKey(partition)];
  const keys = [...outbox, labelsKey(partition), ...hashes];
  const rows = calls.map(({ input }) => input.event.row).join("\n");
  const replies = await run("record-decisions", keys, [packed, rows]);
  if (replies === allStored) return calls.map(() => undefined);
  return calls.map(({ input, address }, index) =>
    unpackReply(input.record.generationId, address, (replies as (Buffer | null)[])[index]),
  );
}

/** What the step answers when none of the generations had a decision before. */
const allStored = 1;

/** A decision to be stored; without an event where the event log has it already. */
interface PackableDecision {
  readonly input: Pick<RecordDecisionInput, "record" | "ttlSeconds"> &
    Partial<Pick<RecordDecisionInput, "event">>;
  readonly address: DecisionAddress;
}

/** The hashes that decisions go to, each once, and all of them as the steps unpack them. */
export function packDecisions(calls: readonly PackableDecision[]): {
  readonly hashes: readonly string[];
  readonly packed: Buffer;
} {
  const numbers = new Map<string, number>();
  const packed = calls.map((call) => {
    const { key } = call.address;
    const number = numbers.get(key) ?? numbers.size + 1;
    numbers.set(key, number);
    return packDecisionCall(call, number);
  });
  return { hashes: [...numbers.keys()], packed: Buffer.concat(packed) };
}

/** One decision as the step unpacks it; see the step for the layout. Two arguments for a batch instead of six for each. */
function packDecisionCall({ input, address }: PackableDecision, number: number): Buffer {
  const head = packDecisionHead(input.record, address.timestampMs);
  const labels = encodeDecisionLabels(input.record);
  const { field } = address;
  const buffer = Buffer.allocUnsafe(14 + field.length + head.length + labels.length);
  buffer.writeUInt16BE(number, 0);
  buffer.writeUInt32BE(input.ttlSeconds, 2);
  buffer[6] = field.length;
  buffer.set(field, 7);
  let at = 7 + field.length;
  buffer[at] = head.length;
  buffer.set(head, at + 1);
  at += 1 + head.length;
  buffer.writeUInt16BE(labels.length, at);
  buffer.write(labels, at + 2, "latin1");
  const rowBytes = input.event === undefined ? 0 : Buffer.byteLength(input.event.row);
  buffer.writeUInt32BE(rowBytes, at + 2 + labels.length);
  // 2 + 4 + 1 + 1 + 2 + 4 = 14 bytes besides the three texts.
  return buffer;
}

/** Looks decisions of one partition up. */
export async function findDecisions(
  run: RunStep,
  partition: number,
  calls: readonly DecisionLookup[],
): Promise<readonly (DecisionRecord | undefined)[]> {
  const keys = [labelsKey(partition), ...calls.map((call) => call.address.key)];
  const fields = calls.map((call) => call.address.field);
  const replies = (await run("find-decisions", keys, fields)) as (Buffer | null)[];
  return calls.map(({ generationId, address }, index) =>
    unpackReply(generationId, address, replies[index]),
  );
}

/** Books contributions of one partition; for each the step's status number, and the totals it changed. */
export async function applyContributions(
  run: RunStep,
  partition: number,
  calls: readonly ApplyContributionsInput[],
): Promise<{ readonly codes: readonly number[]; readonly changed: readonly ArmTotals[] }> {
  const keys = [outboxKey(partition), outboxCountersKey(partition), groupsKey(partition)];
  const args: ScriptArgument[] = [eventsPerGenerationMax];
  for (const call of calls) {
    const group = armGroup(call);
    keys.push(ledgerKey(partition, call.generationId), totalsKey(partition, group));
    args.push(call.variantId, group, call.eventId, call.occurredAtMs, call.ttlSeconds);
    args.push(call.event.stream, call.event.row, encodePlacement(call), call.contributions.length);
    for (const { component, value, weight, penalty } of call.contributions) {
      // JavaScript's shortest text of a double reads back as the same double.
      args.push(component, value, weight, penalty);
    }
  }
  const [codes, texts] = (await run("apply-contributions", keys, args)) as [number[], Buffer[]];
  const changed = calls.flatMap(({ agentType, codeType, variantId }, index): ArmTotals[] => {
    const text = texts[index] as Buffer;
    if (text.length === 0) return [];
    return [{ agentType, codeType, variantId, ...decodeRewardTotals(text) }];
  });
  return { codes, changed };
}

function unpackReply(
  generationId: GenerationId,
  address: DecisionAddress,
  packed: Buffer | null | undefined,
): DecisionRecord | undefined {
  return packed ? unpackDecision(generationId, address.timestampMs, packed) : undefined;
}
