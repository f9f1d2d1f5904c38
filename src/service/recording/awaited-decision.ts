import {
  generationIdBytes,
  generationIdTimestampMs,
  generationIdVersion,
} from "../../domain/generation-id.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { CatalogueView } from "../catalogue/catalogue-view.ts";
import { decisionTtlSeconds } from "./retention.ts";

/** Clocks of replicas may be this far apart. */
const skewMsMax = 5 * 60_000;

/**
 * Whether an unknown generation may have been decided by a replica that is away now and has the decision in its spool: an
 * id of version 7 tells when it was made, and the decision counts for as long as one that was made then is kept, by
 * the policy that keeps them longest. False for ids that tell no time: agents that make their own may make any.
 */
export function mayStillArrive(
  generationId: GenerationId,
  { view, nowMs }: { readonly view: CatalogueView; readonly nowMs: number },
): boolean {
  const bytes = generationIdBytes(generationId);
  if (generationIdVersion(bytes) !== 7) return false;
  const ageMs = nowMs - generationIdTimestampMs(bytes);
  return ageMs >= -skewMsMax && ageMs <= longestKeptSeconds(view) * 1000;
}

/** An hour at least: every decision is kept for longer than its retention by so much. */
function longestKeptSeconds(view: CatalogueView): number {
  const known = longestKept.get(view);
  if (known !== undefined) return known;
  let longest = 3600;
  for (const { policy, overrides } of view.listAgentTypes()) {
    for (const record of [policy, ...overrides.values()]) {
      longest = Math.max(longest, decisionTtlSeconds(record.policy));
    }
  }
  longestKept.set(view, longest);
  return longest;
}

/** A view never changes. */
const longestKept = new WeakMap<CatalogueView, number>();
