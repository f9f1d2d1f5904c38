import { Aipw, type ArmDifference, type ArmValue } from "../../statistics/aipw.ts";
import { EqualityEProcess } from "../../statistics/equality-e-process.ts";
import { PropensitySampleRatio } from "../../statistics/propensity-sample-ratio.ts";
import type { Refusal, Result } from "../../statistics/result.ts";
import { badInput } from "../exit-code.ts";
import {
  adjustedPValues,
  type EffectJson,
  effectsJson,
  type LogJson,
  type SampleRatioJson,
  sampleRatioJson,
} from "./comparison-report.ts";
import type { DecisionSource } from "./decision-source.ts";
import { type ComparisonLog, readDecisions, treatmentsOf } from "./read-decisions.ts";

export interface AdaptiveOptions extends ComparisonLog {
  /** Rewards need not be in [0,1]. */
  readonly unbounded: boolean;
}

interface ArmJson {
  readonly arm: string;
  readonly served: number;
  /** How often its propensities let expect it; null where the sample ratio was refused. */
  readonly expected: number | null;
  readonly value: Omit<EffectJson, "p_value" | "adjusted_p_value"> & {
    readonly effective_sample_size: number | null;
    readonly mean_weight: number | null;
  };
}

interface ComparisonJson {
  readonly treatment: string;
  readonly difference: EffectJson & {
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
  readonly sample_ratio: SampleRatioJson;
  readonly any_time_sample_ratio: SampleRatioJson;
  /** All arms that could be served: the control, the treatments, the others. */
  readonly arms: readonly ArmJson[];
  readonly comparisons: readonly ComparisonJson[];
}

/** A decision as it is kept until all are read. A million of ten arms need half a gigabyte and 20 seconds. */
interface KeptDecision {
  readonly decidedAtMs: number;
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
    const { arm, vector, decidedAtMs = kept.length } = decision;
    const { arms, probabilities } = vector ?? { arms: [], probabilities: [] };
    names.add(arm);
    if (!lists.has(arms)) for (const name of arms) names.add(name);
    lists.add(arms);
    kept.push({ decidedAtMs, arm, reward, arms, probabilities });
  });
  // Stable: what a file has at the same time stays in its order.
  kept.sort((a, b) => a.decidedAtMs - b.decidedAtMs);
  const treatments = treatmentsOf(options, names);
  const compared = [options.control, ...treatments];
  const others = [...names].filter((name) => !compared.includes(name)).sort();
  const arms = [...compared, ...others];
  const log = {
    log: source.name,
    level: options.level,
    missing: options.missing,
    control: options.control,
    treatments,
    ...counts,
  };
  return { ...log, shares: "adaptive", ...analysed(kept, arms, treatments.length, options) };
}

/** @param arms the control first, then the treatments */
function analysed(
  kept: readonly KeptDecision[],
  arms: readonly string[],
  treatmentCount: number,
  options: AdaptiveOptions,
): Pick<AdaptiveReport, "sample_ratio" | "any_time_sample_ratio" | "arms" | "comparisons"> {
  const alpha = 1 - options.level;
  const control = 0;
  const range = options.unbounded ? ({ range: "unbounded" } as const) : {};
  const treatments = Array.from({ length: treatmentCount }, (_, index) => index + 1);
  const ratio = new PropensitySampleRatio({ arms });
  const aipw = new Aipw({ arms, control, ...range });
  const equality = treatments.map(
    (treatment) => new EqualityEProcess({ arms, treatment, control }),
  );
  const served = new Array<number>(arms.length).fill(0);
  const indexOf = new Map(arms.map((arm, index) => [arm, index]));
  for (const { arm: name, reward, ...vector } of kept) {
    const arm = indexOf.get(name) as number;
    served[arm] = (served[arm] as number) + 1;
    const propensities = propensitiesOf(vector, indexOf);
    ratio.push({ propensities, arm });
    if (reward === undefined) continue;
    aipw.push({ propensities, arm, reward });
    for (const process of equality) process.push({ propensities, arm, reward });
  }
  const ratioTest = ratio.test();
  const differences = treatments.map((arm) => aipw.difference(arm, { alpha }));
  const differencesJson = effectsJson(differences, alpha);
  const evidence = equality.map((process) => process.result({ alpha }));
  const evidenceAdjusted = adjustedPValues(evidence, alpha);
  return {
    sample_ratio: sampleRatioJson(ratioTest),
    any_time_sample_ratio: sampleRatioJson(ratio.sequence()),
    arms: arms.map((arm, index) => ({
      arm,
      served: served[index] as number,
      expected: ratioTest.ok ? (ratioTest.value.arms[index]?.expected ?? null) : null,
      value: valueJson(aipw.value(index, { alpha })),
    })),
    comparisons: treatments.map((arm, index) => ({
      treatment: arms[arm] as string,
      difference: {
        ...(differencesJson[index] as EffectJson),
        ...overlapJson(differences[index] as Result<ArmDifference>),
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

function valueJson(result: Result<ArmValue>): ArmJson["value"] {
  const value = result.ok ? result.value : undefined;
  return {
    estimate: value?.estimate ?? null,
    low: value?.low ?? null,
    high: value?.high ?? null,
    standard_error: value?.standardError ?? null,
    effective_sample_size: value?.effectiveSampleSize ?? null,
    mean_weight: value?.meanWeight ?? null,
    refusal: result.ok ? null : result.refusal,
  };
}

function overlapJson(result: Result<ArmDifference>) {
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
