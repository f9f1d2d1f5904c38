import type { VariantId } from "../../domain/ids.ts";
import type { ArmGroup } from "../../ports/state-repair.ts";
import type { FollowedGroup } from "./followed-group.ts";

const batchEventsMax = 20_000;

/** The arms of one code type on their way to being compared or replaced. */
export interface Group extends ArmGroup {
  readonly events: number;
  /** What the log gives; from the first reading to the last. */
  followed?: FollowedGroup;
  readonly settled: Set<VariantId>;
  /** Arms that did not hold still the last time. */
  unsettled: number;
}

/** In the given order, each of at least one group. */
export function* batchesOf(
  groups: readonly Group[],
  groupsMax: number,
): Generator<readonly Group[]> {
  let batch: Group[] = [];
  let events = 0;
  for (const group of groups) {
    if (batch.length >= groupsMax || (batch.length > 0 && events + group.events > batchEventsMax)) {
      yield batch;
      batch = [];
      events = 0;
    }
    batch.push(group);
    events += group.events;
  }
  if (batch.length > 0) yield batch;
}
