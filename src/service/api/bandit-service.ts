import type { CatalogApi } from "./catalog.ts";
import type { DeadLetterApi } from "./dead-letters.ts";
import type { DecisionApi } from "./decisions.ts";
import type { InsightApi } from "./insight.ts";
import type { RepairApi } from "./repair.ts";

/**
 * The online and administrative use cases as every transport sees them, one part per service of the contract. Each
 * method rejects with a BanditError only; anything else is a bug. Validation that the contract expresses (lengths,
 * ranges, formats) has happened at the edge; the rules that need the catalogue are checked here.
 */
export interface BanditService {
  readonly decisions: DecisionApi;
  readonly catalog: CatalogApi;
  readonly insight: InsightApi;
  readonly deadLetters: DeadLetterApi;
  readonly repair: RepairApi;
}
