import { Aipw } from "../../statistics/aipw.ts";
import { EqualityEProcess } from "../../statistics/equality-e-process.ts";
import { PropensitySampleRatio } from "../../statistics/propensity-sample-ratio.ts";
import type { Refusal, Result } from "../../statistics/result.ts";
import {
  type Coverage,
  type StratifiedDifference,
  type StratifiedValue,
  stratifiedDifference,
  stratifiedValue,
} from "../../statistics/stratified.ts";
import { badInput } from "../exit-code.ts";
import type { DecisionSource } from "../logs/decision-source.ts";
import {
  type ComparisonLog,
  logJson,
  readDecisions,
  treatmentsOf,
} from "../logs/read-decisions.ts";
import {
  adjustedPValues,
  type EffectJson,
  effectsJson,
  type LogJson,
  type SampleRatioJson,
  sampleRatioJson,
} from "../text/comparison-report.ts";

export interface AdaptiveOptions extends ComparisonLog {
  /** Rewards need not be in [0,1]. */
  readonly unbounded: boolean;
}

/** What part of the traffic a number is about. */
export interface CoverageJson {
  /** Null where the number was refused. */
  readonly covered_share: number | null;
  /** Contexts without a number of their own, left out of the one over all. */
  readonly left_out: readonly {
    readonly context: string;
    readonly share: number;
    readonly refusal: Refusal;
  }[];
}

interface ArmJson {
  readonly arm: string;
  readonly served: number;
  /** How often its propensities let expect it; null where the sample ratio was refused. */
  readonly expected: number | null;
  readonly value: Omit<EffectJson, "p_value" | "adjusted_p_value"> &
    CoverageJson & {
      readonly effective_sample_size: number | null;
      readonly mean_weight: number | null;
    };
}

interface ComparisonJson {
  readonly treatment: string;
  readonly difference: EffectJson &
    CoverageJson & {
      readonly treatment_effective_sample_size: number | null;
      readonly control_effective_sample_size: number | null;
    };
  readonly equality: {
    readonly e_value: number | null;
    readonly log_e_value: number | null;
    /** Valid at every look. */
    readonly p_value: number | null;
    readonly adjusted_p_value: number | null;
    readonly treatment_rewards: number | null;
    readonly control_rewards: number | null;
    readonly refusal: Refusal | null;
  };
}

/** What `banditd compare --shares adaptive --json` prints. */
export interface AdaptiveReport extends LogJson {
  readonly shares: "adaptive";
  /** Code types that values and differences were estimated in, each by itself. */
  readonly contexts: number;
  readonly sample_ratio: SampleRatioJson;
  readonly any_time_sample_ratio: SampleRatioJson;
  /** All arms that could be served: the control, the treatments, the others. */
  readonly arms: readonly ArmJson[];
  readonly comparisons: readonly ComparisonJson[];
}

/** A decision as it is kept until all are read. A million of ten arms need half a gigabyte and 20 seconds. */
interface KeptDecision {
  readonly decidedAtMs: number;
  readonly context: string;
  readonly arm: string;
  readonly reward: number | undefined;
  readonly arms: readonly string[];
  readonly probabilities: readonly number[];
}

/**
 * Compares arms whose shares followed the rewards. What it takes must be in the order of the decisions, over all
 * code types (what one has learned may have moved another), and a service's log has no such order: so the decisions are
 * kept and sorted.
 * @throws CliError usage when the log has no whole vectors, or not the arms
 */
export async function compareAdaptive(
  source: DecisionSource,
  options: AdaptiveOptions,
): Promise<AdaptiveReport> {
  if (source.lacksVectors !== undefined) {
    throw badInput(
      `${source.lacksVectors}. Shares that follow rewards cannot be compared without them; ` +
        "if the shares stayed the same, say --shares fixed",
    );
  }
  const kept: KeptDecision[] = [];
  const names = new Set<string>();
  const lists = new Set<readonly string[]>();
  const counts = await readDecisions(source, options.missing, (decision, reward) => {
    const { context, arm, vector, decidedAtMs = kept.length } = decision;
    const { arms, probabilities } = vector ?? { arms: [], probabilities: [] };
    names.add(arm);
    if (!lists.has(arms)) for (const name of arms) names.add(name);
    lists.add(arms);
    kept.push({ decidedAtMs, context, arm, reward, arms, probabilities });
  });
  // Stable: what a file has at the same time stays in its order.
  kept.sort((a, b) => a.decidedAtMs - b.decidedAtMs);
  const treatments = treatmentsOf(options, names);
  const compared = [options.control, ...treatments];
  const others = [...names].filter((name) => !compared.includes(name)).sort();
  const arms = [...compared, ...others];
  const log = logJson(source.name, options, { treatments, counts });
  return { ...log, shares: "adaptive", ...analysed(kept, arms, treatments.length, options) };
}

/** The decisions of one context: its shares are its own, so its values are estimated by themselves. */
interface Context {
  readonly name: string;
  decisions: number;
  readonly aipw: Aipw;
}

/** @param arms the control first, then the treatments */
function analysed(
  kept: readonly KeptDecision[],
  arms: readonly string[],
  treatmentCount: number,
  options: AdaptiveOptions,
): Pick<
  AdaptiveReport,
  "contexts" | "sample_ratio" | "any_time_sample_ratio" | "arms" | "comparisons"
> {
  const alpha = 1 - options.level;
  const control = 0;
  const range = options.unbounded ? ({ range: "unbounded" } as const) : {};
  const treatments = Array.from({ length: treatmentCount }, (_, index) => index + 1);
  const ratio = new PropensitySampleRatio({ arms });
  const contexts = new Map<string, Context>();
  const equality = treatments.map(
    (treatment) => new EqualityEProcess({ arms, treatment, control }),
  );
  const served = new Array<number>(arms.length).fill(0);
  const indexOf = new Map(arms.map((arm, index) => [arm, index]));
  for (const { context: contextName, arm: name, reward, ...vector } of kept) {
    const arm = indexOf.get(name) as number;
    served[arm] = (served[arm] as number) + 1;
    const propensities = propensitiesOf(vector, indexOf);
    ratio.push({ propensities, arm });
    const context = contexts.get(contextName) ?? {
      name: contextName,
      decisions: 0,
      aipw: new Aipw({ arms, control, ...range }),
    };
    contexts.set(contextName, context);
    context.decisions += 1;
    if (reward === undefined) continue;
    context.aipw.push({ propensities, arm, reward });
    for (const process of equality) process.push({ propensities, arm, reward });
  }
  const ratioTest = ratio.test();
  const strataOf = <Value>(resultOf: (aipw: Aipw) => Result<Value>) =>
    Array.from(contexts.values(), ({ name, decisions, aipw }) => ({
      name: contextText(name),
      decisions,
      result: resultOf(aipw),
    }));
  const differences = treatments.map((arm) =>
    stratifiedDifference(
      strataOf((aipw) => aipw.difference(arm)),
      { alpha },
    ),
  );
  const differencesJson = effectsJson(differences, alpha);
  const evidence = equality.map((process) => process.result({ alpha }));
  const evidenceAdjusted = adjustedPValues(evidence, alpha);
  return {
    contexts: contexts.size,
    sample_ratio: sampleRatioJson(ratioTest),
    any_time_sample_ratio: sampleRatioJson(ratio.sequence()),
    arms: arms.map((arm, index) => ({
      arm,
      served: served[index] as number,
      expected: ratioTest.ok ? (ratioTest.value.arms[index]?.expected ?? null) : null,
      value: valueJson(
        stratifiedValue(
          strataOf((aipw) => aipw.value(index)),
          { alpha },
        ),
      ),
    })),
    comparisons: treatments.map((arm, index) => ({
      treatment: arms[arm] as string,
      difference: {
        ...(differencesJson[index] as EffectJson),
        ...overlapJson(differences[index] as Result<StratifiedDifference>),
        ...coverageJson(differences[index] as Result<StratifiedDifference>),
      },
      equality: equalityJson(evidence[index] as Evidence, evidenceAdjusted[index] ?? null),
    })),
  };
}

/** The vector over all arms: 0 for one that could not be served. Where the lists do not match, one that is refused. */
function propensitiesOf(
  vector: Pick<KeptDecision, "arms" | "probabilities">,
  indexOf: ReadonlyMap<string, number>,
): Float64Array {
  if (vector.arms.length !== vector.probabilities.length) return new Float64Array();
  const propensities = new Float64Array(indexOf.size);
  vector.arms.forEach((arm, at) => {
    propensities[indexOf.get(arm) as number] = vector.probabilities[at] as number;
  });
  return propensities;
}

type Evidence = ReturnType<EqualityEProcess["result"]>;

function valueJson(result: Result<StratifiedValue>): ArmJson["value"] {
  const value = result.ok ? result.value : undefined;
  return {
    estimate: value?.estimate ?? null,
    low: value?.low ?? null,
    high: value?.high ?? null,
    standard_error: value?.standardError ?? null,
    effective_sample_size: value?.effectiveSampleSize ?? null,
    mean_weight: value?.meanWeight ?? null,
    refusal: result.ok ? null : result.refusal,
    ...coverageJson(result),
  };
}

function coverageJson(result: Result<Coverage>): CoverageJson {
  if (!result.ok) return { covered_share: null, left_out: [] };
  const { coveredShare, leftOut } = result.value;
  return {
    covered_share: coveredShare,
    left_out: leftOut.map(({ name: context, ...part }) => ({ context, ...part })),
  };
}

/** For messages: of a file that has the column, and an empty cell in it. */
function contextText(name: string): string {
  return name === "" ? "the decisions without a context" : name;
}

function overlapJson(result: Result<StratifiedDifference>) {
  return {
    treatment_effective_sample_size: result.ok ? result.value.treatment.effectiveSampleSize : null,
    control_effective_sample_size: result.ok ? result.value.control.effectiveSampleSize : null,
  };
}

function equalityJson(result: Evidence, adjusted: number | null): ComparisonJson["equality"] {
  const evidence = result.ok ? result.value : undefined;
  return {
    e_value: evidence?.eValue ?? null,
    log_e_value: evidence?.logEValue ?? null,
    p_value: evidence?.pValue ?? null,
    adjusted_p_value: result.ok ? adjusted : null,
    treatment_rewards: evidence?.treatmentN ?? null,
    control_rewards: evidence?.controlN ?? null,
    refusal: result.ok ? null : result.refusal,
  };
}
