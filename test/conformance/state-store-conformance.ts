import { describe } from "vitest";
import { describeContributions } from "./state-store-contributions.ts";
import { describeDecisions } from "./state-store-decisions.ts";
import type { MakeStateStore } from "./state-store-harness.ts";
import { describeOutbox } from "./state-store-outbox.ts";
import { describeOutboxModel } from "./state-store-outbox-model.ts";
import { describeRepair } from "./state-store-repair.ts";
import { describeSharing } from "./state-store-sharing.ts";

/**
 * Everything `ports/state-store.ts` promises. Each adapter's conformance test is one call.
 * @param makeStore gives a new, empty state each time.
 */
export function describeStateStore(name: string, makeStore: MakeStateStore): void {
  describe(`${name} is a state store`, () => {
    describeDecisions(makeStore);
    describeContributions(makeStore);
    describeOutbox(makeStore);
    describeOutboxModel(makeStore);
    describeRepair(makeStore);
    describeSharing(makeStore);
  });
}
