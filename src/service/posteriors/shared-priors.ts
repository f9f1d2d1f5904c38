import type { ArmPriors } from "../../bandit/allocator.ts";
import type { Posterior } from "../../bandit/posterior.ts";
import { SharedPrior } from "../../bandit/shared-prior.ts";
import { type RewardTotals, totalsAt } from "../../domain/contribution.ts";
import type { CodeType, VariantId } from "../../domain/ids.ts";
import { forgettingPosition, type Policy, type PolicyRecord } from "../../domain/policy.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { AgentTypeEntry } from "../catalogue/catalogue-view.ts";

/** Priors are learned anew at most this often … */
const intervalMsMin = 20;
/** … and so rarely that they take at most a twentieth of the thread's time … */
const pausePerCost = 20;
/** … when at least this share of the outcomes is new, or after {@link intervalMsMax} if any is … */
const newShareMin = 0.005;
const intervalMsMax = 10_000;
/** … or when this many half-lives have passed, because what others have learned is forgotten too. */
const forgettingStep = 0.05;
/** Totals looked at: a few milliseconds, while decisions wait. More code types than fit are left out, those known first stay. */
const cellsMax = 3_000;
/** A prior that moves by less than this many outcomes is left as it is: the allocation need not be made anew for it. */
const movementMin = 0.05;

/** An arm's totals as the allocation table has them. */
export type KnownCodeTypes = ReadonlyMap<
  CodeType,
  { readonly totals: ReadonlyMap<VariantId, { readonly totals: RewardTotals }> }
>;

/** What the catalogue says of the agent type. */
type Scope = Pick<AgentTypeEntry, "policy" | "overrides" | "pool">;

interface Estimate {
  readonly estimate: SharedPrior;
  readonly variantIds: readonly VariantId[];
  readonly policyEtag: string;
  readonly entry: Scope;
  readonly position: number;
  readonly computedAtMonotonicMs: number;
  readonly costMs: number;
  readonly changes: number;
  readonly outcomes: number;
  /** Priors that were asked for since … */
  readonly priors: Map<CodeType | undefined, ArmPriors>;
  /** … and those before. */
  readonly earlier: ReadonlyMap<CodeType | undefined, ArmPriors>;
}

/** Stands for every code type without outcomes: none can have this name. */
const noCodeType = "" as CodeType;

/**
 * The priors that the code types of one agent type learn from each other, learned anew when there is enough that
 * is new. Depends on when it is asked, so replicas agree within moments and not at every moment.
 */
export class SharedPriors {
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #codeTypes: () => KnownCodeTypes;
  /** By what the estimate depends on besides the totals: an override may have another prior or strength. */
  readonly #estimates = new Map<string, Estimate>();
  #changes = 0;

  constructor(options: { clock: Clock; telemetry: Telemetry; codeTypes: () => KnownCodeTypes }) {
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
    this.#codeTypes = options.codeTypes;
  }

  /** Totals of this agent type have changed. */
  noteChange(): void {
    this.#changes += 1;
  }

  /**
   * The priors of every arm in a code type, the same object for as long as they have not moved; undefined when the
   * policy does not share. @param policy in force for the code type. @param codeType absent: one without outcomes
   */
  priorsOf(
    entry: Scope,
    policy: PolicyRecord,
    codeType: CodeType | undefined,
  ): ArmPriors | undefined {
    if (policy.policy.sharedPriorStrengthMax === 0) return undefined;
    const scope = policy.codeType ?? "";
    const known = this.#estimates.get(scope);
    const estimate =
      known === undefined || this.#isDue(known, entry, policy)
        ? this.#learn(entry, policy, known)
        : known;
    let priors = estimate.priors.get(codeType);
    if (priors === undefined) {
      priors = armPriors(estimate, policy.policy, codeType ?? noCodeType);
      const before = estimate.earlier.get(codeType);
      if (before !== undefined && !haveMoved(before, priors)) priors = before;
      estimate.priors.set(codeType, priors);
    }
    return priors;
  }

  #isDue(known: Estimate, entry: Scope, policy: PolicyRecord): boolean {
    if (known.policyEtag !== policy.etag || known.entry !== entry) return true;
    const changes = this.#changes - known.changes;
    const position = forgettingPosition(policy, this.#clock.nowMs());
    const isForgotten = known.outcomes > 0 && position - known.position >= forgettingStep;
    if (changes === 0 && !isForgotten) return false;
    const elapsedMs = this.#clock.monotonicMs() - known.computedAtMonotonicMs;
    if (elapsedMs >= intervalMsMax) return true;
    if (elapsedMs < Math.max(intervalMsMin, pausePerCost * known.costMs)) return false;
    return isForgotten || changes >= newShareMin * known.outcomes;
  }

  #learn(entry: Scope, policy: PolicyRecord, before: Estimate | undefined): Estimate {
    const startedMs = this.#clock.monotonicMs();
    const position = forgettingPosition(policy, this.#clock.nowMs());
    const codeTypes = new Map<CodeType, Map<VariantId, RewardTotals>>();
    const reward = JSON.stringify(policy.policy.reward);
    let cells = 0;
    let outcomes = 0;
    for (const [codeType, { totals }] of this.#codeTypes()) {
      if (cells + totals.size > cellsMax) break;
      // Rewards of another specification are other numbers: they say nothing about these.
      const other = entry.overrides.get(codeType) ?? entry.policy;
      if (other !== policy && JSON.stringify(other.policy.reward) !== reward) continue;
      cells += totals.size;
      const arms = new Map<VariantId, RewardTotals>();
      for (const [variantId, known] of totals) {
        outcomes += known.totals.generations;
        arms.set(variantId, totalsAt(known.totals, position));
      }
      codeTypes.set(codeType, arms);
    }
    // Retired arms are no rivals any more.
    const ids = entry.pool;
    const { priorAlpha, priorBeta, sharedPriorStrengthMax } = policy.policy;
    const estimate: Estimate = {
      estimate: SharedPrior.estimate({
        codeTypes,
        variantIds: ids,
        prior: { alpha: priorAlpha, beta: priorBeta },
        strengthMax: sharedPriorStrengthMax,
      }),
      variantIds: ids,
      policyEtag: policy.etag,
      entry,
      position,
      computedAtMonotonicMs: startedMs,
      costMs: this.#clock.monotonicMs() - startedMs,
      changes: this.#changes,
      outcomes,
      priors: new Map(),
      earlier: before?.policyEtag === policy.etag ? before.priors : new Map(),
    };
    this.#telemetry.observeMs("bandit_shared_prior_duration_ms", estimate.costMs);
    this.#estimates.set(policy.codeType ?? "", estimate);
    return estimate;
  }
}

/** Arms of which the other code types say nothing are left out: they start from the policy's own prior, whatever kind it is. */
function armPriors(
  { estimate, variantIds }: Estimate,
  { priorAlpha, priorBeta }: Policy,
  codeType: CodeType,
): ArmPriors {
  const priors = new Map<VariantId, Posterior>();
  for (const id of variantIds) {
    const prior = estimate.priorOf(codeType, id);
    if (prior.alpha !== priorAlpha || prior.beta !== priorBeta) priors.set(id, prior);
  }
  return priors;
}

function haveMoved(before: ArmPriors, after: ArmPriors): boolean {
  if (before.size !== after.size) return true;
  for (const [id, { alpha, beta }] of after) {
    const known = before.get(id);
    if (known === undefined) return true;
    if (Math.abs(alpha - known.alpha) >= movementMin) return true;
    if (Math.abs(beta - known.beta) >= movementMin) return true;
  }
  return false;
}
