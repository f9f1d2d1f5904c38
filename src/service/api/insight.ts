import type { GenerationId } from "../../domain/ids.ts";
import type { GenerationHistory, QueryResult, queryRowsMax } from "../../ports/event-log.ts";
import type { CallContext } from "./call-context.ts";

/** What happened and why, as `InsightService` of the contract. */
export interface InsightApi {
  /** Waits for the event log when the generation is known but not logged yet. @throws not_found */
  explainGeneration(generationId: GenerationId, context: CallContext): Promise<Explanation>;
  /** `fresh`: first waits until everything acknowledged before this call is in the event log. */
  query(request: QueryRequest, context: CallContext): Promise<QueryResult>;
  info(): ServiceInfo;
}

export interface QueryRequest {
  readonly sql: string;
  /** 1 to {@link queryRowsMax}. */
  readonly rowsMax: number;
  /** 1 to 300,000. */
  readonly timeoutMs: number;
  readonly fresh: boolean;
}

export interface Explanation {
  readonly history: GenerationHistory;
  /** The uniform number in [0,1) that the id hashes to. */
  readonly draw: number;
  /** Cumulative probabilities: arm i is served when draw < upper[i] and draw ≥ upper[i − 1]. */
  readonly arms: readonly {
    readonly variantId: string;
    readonly probability: number;
    readonly upper: number;
  }[];
  /** The arm that the draw gives, derived anew. */
  readonly rederivedVariantId: string;
  /** True when that is the arm that was served. */
  readonly consistent: boolean;
  /** Reward of the generation from its learned outcomes, and the weight it has; absent when nothing was learned. */
  readonly reward?: { readonly value: number; readonly weight: number };
}

export interface ServiceInfo {
  readonly version: string;
  readonly engines: { readonly state: string; readonly catalogue: string; readonly events: string };
  readonly dataDirectory: string;
  readonly startedAtMs: number;
}
