import { type AnyTimeDifference, adaptiveDifference } from "../adaptive-difference.ts";
import { AdaptiveSequence } from "../adaptive-sequence.ts";
import { Aipw, type Weighting } from "../aipw.ts";
import { EqualityEProcess, type EqualityEvidence } from "../equality-e-process.ts";
import { PropensitySampleRatio } from "../propensity-sample-ratio.ts";
import { accept, type Result, refuse } from "../result.ts";
import type { SampleRatio } from "../sample-ratio.ts";
import {
  type StratifiedDifference,
  type StratifiedValue,
  stratifiedDifference,
  stratifiedValue,
} from "../stratified.ts";
import {
  type ComparedDecision,
  type ComparedDecisions,
  DecisionCounter,
  type DecisionCounts,
  type PropensityVector,
} from "./compared-decision.ts";
import { adjusted, type ComparisonRequest, treatmentsOf } from "./comparison-request.ts";

export interface AdaptiveRequest extends ComparisonRequest {
  /** Of the scores that values and differences are means of. */
  readonly weighting: Weighting;
}

export interface AdaptiveArm {
  readonly arm: string;
  readonly served: number;
  /** How often its propensities let expect it; undefined where the sample ratio was refused. */
  readonly expected: number | undefined;
  readonly value: Result<StratifiedValue>;
}

type Adjusted<Value> = Result<Value & { readonly adjustedPValue: number }>;

export interface AdaptiveTreatment {
  readonly treatment: string;
  readonly difference: Adjusted<StratifiedDifference>;
  /** Valid at every look, of rewards in [0,1]. */
  readonly sequence: Adjusted<AnyTimeDifference>;
  /** Valid at every look, of 0/1 rewards. */
  readonly equality: Adjusted<EqualityEvidence>;
}

/** Arms whose shares followed the rewards. */
export interface AdaptiveComparison {
  readonly counts: DecisionCounts;
  readonly treatments: readonly string[];
  /** Contexts that values and differences were estimated in, each by itself. */
  readonly contexts: number;
  readonly sampleRatio: Result<SampleRatio>;
  readonly anyTimeSampleRatio: Result<SampleRatio>;
  /** All arms that could be served: the control, the treatments, the others. */
  readonly arms: readonly AdaptiveArm[];
  readonly comparisons: readonly AdaptiveTreatment[];
}

/** A decision as it is kept until all are read. A million of ten arms need half a gigabyte and 20 seconds. */
interface KeptDecision extends PropensityVector {
  readonly decidedAtMs: number;
  readonly context: string;
  readonly arm: string;
  readonly reward: number | undefined;
}

/**
 * Compares arms whose shares followed the rewards. Every decision needs its whole vector. What the statistics take must
 * be in the order of the decisions, over all code types (what one has learned may have moved another), and a service's
 * log has no such order: so the decisions are kept and sorted. Refuses arms that the log does not have.
 */
export async function compareAdaptive(
  decisions: ComparedDecisions,
  request: AdaptiveRequest,
): Promise<Result<AdaptiveComparison>> {
  const kept: KeptDecision[] = [];
  const names = new Set<string>();
  const lists = new Set<readonly string[]>();
  const counter = new DecisionCounter(request);
  for await (const decision of decisions) {
    const { context, arm, vector, decidedAtMs = kept.length } = decision;
    const { arms, probabilities } = vector ?? { arms: [], probabilities: [] };
    names.add(arm);
    if (!lists.has(arms)) for (const name of arms) names.add(name);
    lists.add(arms);
    const reward = counter.rewardOf(decision);
    kept.push({ decidedAtMs, context, arm, reward, arms, probabilities });
  }
  // Stable: what a file has at the same time stays in its order.
  kept.sort((a, b) => a.decidedAtMs - b.decidedAtMs);
  const treatments = treatmentsOf(request, names);
  if (!treatments.ok) return treatments;
  const compared = [request.control, ...treatments.value];
  const others = [...names].filter((name) => !compared.includes(name)).sort();
  const arms = [...compared, ...others];
  const evidence = gathered(kept, arms, treatments.value.length, request);
  return accept({
    counts: counter.counts(),
    treatments: treatments.value,
    ...analysed(evidence, arms, 1 - request.level),
  });
}

/** The decisions of one context: its shares are its own, so its values are estimated by themselves. */
interface Context {
  readonly name: string;
  decisions: number;
  readonly aipw: Aipw;
  /** One for each treatment. */
  readonly sequences: readonly AdaptiveSequence[];
}

/** What the statistics have seen of the decisions. */
interface Evidence {
  readonly ratio: PropensitySampleRatio;
  readonly contexts: readonly Context[];
  /** One for each treatment. */
  readonly equality: readonly EqualityEProcess[];
  /** Of each arm. */
  readonly served: readonly number[];
  readonly rewards: readonly number[];
}

/** @param arms the control first, then the treatments */
function gathered(
  kept: readonly KeptDecision[],
  arms: readonly string[],
  treatmentCount: number,
  { unbounded, weighting }: AdaptiveRequest,
): Evidence {
  const control = 0;
  const range = unbounded ? ({ range: "unbounded" } as const) : {};
  const ratio = new PropensitySampleRatio({ arms });
  const contexts = new Map<string, Context>();
  const treatments = Array.from({ length: treatmentCount }, (_, index) => index + 1);
  const equality = treatments.map(
    (treatment) => new EqualityEProcess({ arms, treatment, control }),
  );
  const served = new Array<number>(arms.length).fill(0);
  const rewards = new Array<number>(arms.length).fill(0);
  const indexOf = new Map(arms.map((arm, index) => [arm, index]));
  for (const { context: contextName, arm: name, reward, ...vector } of kept) {
    const arm = indexOf.get(name) as number;
    served[arm] = (served[arm] as number) + 1;
    const propensities = propensitiesOf(vector, indexOf);
    ratio.push({ propensities, arm });
    const context = contexts.get(contextName) ?? {
      name: contextName,
      decisions: 0,
      aipw: new Aipw({ arms, control, weighting, ...range }),
      sequences: treatments.map((treatment) => new AdaptiveSequence({ arms, treatment, control })),
    };
    contexts.set(contextName, context);
    context.decisions += 1;
    if (reward === undefined) continue;
    rewards[arm] = (rewards[arm] as number) + 1;
    const decision = { propensities, arm, reward };
    for (const one of [context.aipw, ...context.sequences, ...equality]) one.push(decision);
  }
  return { ratio, contexts: [...contexts.values()], equality, served, rewards };
}

function analysed(
  { ratio, contexts, equality, served, rewards }: Evidence,
  arms: readonly string[],
  alpha: number,
): Omit<AdaptiveComparison, "counts" | "treatments"> {
  const strataOf = <Value>(resultOf: (context: Context) => Result<Value>) =>
    contexts.map((context) => ({
      name: contextText(context.name),
      decisions: context.decisions,
      result: resultOf(context),
    }));
  const differences = adjusted(
    equality.map((_, index) =>
      stratifiedDifference(
        strataOf(({ aipw }) => aipw.difference(index + 1)),
        { alpha },
      ),
    ),
    alpha,
  );
  // What holds from the first reward on would say of an arm without one what is only believed of it.
  const nothingOf = (treatment: number) => {
    const arm = [treatment, 0].find((one) => rewards[one] === 0);
    return arm === undefined ? undefined : refuse("empty", `the log has no reward of ${arms[arm]}`);
  };
  const sequences = adjusted(
    equality.map(
      (_, index) =>
        nothingOf(index + 1) ??
        adaptiveDifference(
          strataOf(({ sequences }) => (sequences[index] as AdaptiveSequence).result()),
          { alpha },
        ),
    ),
    alpha,
  );
  const evidence = adjusted(
    equality.map((process, index) => nothingOf(index + 1) ?? process.result({ alpha })),
    alpha,
  );
  const sampleRatio = ratio.test();
  return {
    contexts: contexts.length,
    sampleRatio,
    anyTimeSampleRatio: ratio.sequence(),
    arms: arms.map((arm, index) => ({
      arm,
      served: served[index] as number,
      expected: sampleRatio.ok ? sampleRatio.value.arms[index]?.expected : undefined,
      value: stratifiedValue(
        strataOf(({ aipw }) => aipw.value(index)),
        { alpha },
      ),
    })),
    comparisons: equality.map((_, index) => ({
      treatment: arms[index + 1] as string,
      difference: differences[index] as AdaptiveTreatment["difference"],
      sequence: sequences[index] as AdaptiveTreatment["sequence"],
      equality: evidence[index] as AdaptiveTreatment["equality"],
    })),
  };
}

/** The vector over all arms: 0 for one that could not be served. Where the lists do not match, one that is refused. */
function propensitiesOf(
  vector: PropensityVector,
  indexOf: ReadonlyMap<string, number>,
): Float64Array {
  if (vector.arms.length !== vector.probabilities.length) return new Float64Array();
  const propensities = new Float64Array(indexOf.size);
  vector.arms.forEach((arm, at) => {
    propensities[indexOf.get(arm) as number] = vector.probabilities[at] as number;
  });
  return propensities;
}

/** For messages: of a log that tells contexts apart, and has one without a name. */
function contextText(name: ComparedDecision["context"]): string {
  return name === "" ? "the decisions without a context" : name;
}
