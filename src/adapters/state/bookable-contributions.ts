import { contextLengthMax } from "../../domain/contribution.ts";
import { invariant } from "../../domain/errors.ts";
import type { ApplyContributionsInput } from "../../ports/state-store.ts";

/** Far beyond anything the reward of a policy makes; sums of squares of it are far from the largest double. */
const magnitudeMax = 1e9;

/**
 * What every state store asks of contributions before it books them, because one bad number would spoil
 * its arm's sums for ever.
 * @throws Error (an invariant): the service has checked or cut off what came from outside.
 */
export function requireBookable(
  input: Pick<ApplyContributionsInput, "contributions" | "forgettingPosition" | "context">,
): void {
  for (const { value, weight, penalty } of input.contributions) {
    invariant(Math.abs(value) <= magnitudeMax, "values are finite numbers of at most 1e9");
    invariant(weight >= 0 && weight <= magnitudeMax, "weights are finite numbers from 0");
    invariant(penalty >= 0 && penalty <= magnitudeMax, "penalties are finite numbers from 0");
  }
  const { forgettingPosition, context } = input;
  invariant(
    forgettingPosition >= 0 && Number.isFinite(forgettingPosition),
    "a forgetting position is a finite number from 0",
  );
  if (context === undefined) return;
  invariant(
    Number.isSafeInteger(context.epoch) && context.epoch >= 0,
    "a context's epoch is a whole number from 0",
  );
  invariant(
    context.values.length >= 1 &&
      context.values.length <= contextLengthMax &&
      context.values.every((value) => Math.abs(value) <= magnitudeMax),
    "a context has 1 to 17 finite numbers",
  );
}
