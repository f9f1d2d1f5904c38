import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import {
  type Algorithm,
  AlgorithmSchema,
  type LinearFeature,
  type Policy,
  type PolicyRecord,
  type RewardSpec,
} from "../../client/index.ts";
import { formatNumber, formatTime } from "./format-value.ts";
import { orDash } from "./report-text.ts";
import { formatFacts, formatTable, numbers } from "./table.ts";

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** A policy in force, for people. */
export function formatPolicyRecord(record: PolicyRecord): string {
  const { policy } = record;
  const whose = record.codeType === undefined ? "" : `, code type ${record.codeType}`;
  const title = `Policy of ${record.agentType}${whose}, set ${formatTime(record.updatedAt)} UTC`;
  const lines = policy === undefined ? [] : factsOf(policy);
  const facts = formatFacts([...lines, ["etag", record.etag]], "  ");
  const kind = policy?.algorithm?.kind;
  const features =
    kind?.case === "linearThompson" ? `\n${formatFeatures(kind.value.features)}` : "";
  const reward = policy?.reward === undefined ? "" : `\n${formatReward(policy.reward)}`;
  return `${title}\n\n${facts}${features}${reward}`;
}

/** e.g. `epsilon_greedy (epsilon 0.1)`. */
export function formatAlgorithm(algorithm: Algorithm | undefined): string {
  const { name, settings } = algorithmParts(algorithm);
  const parts = settings.map(([field, value]) => `${field} ${settingText(value)}`);
  return parts.length === 0 ? name : `${name} (${parts.join(", ")})`;
}

function algorithmParts(algorithm: Algorithm | undefined): {
  readonly name: string;
  readonly settings: readonly (readonly [field: string, value: JsonValue])[];
} {
  if (algorithm === undefined) return { name: "none", settings: [] };
  const json = toJson(AlgorithmSchema, algorithm, { useProtoFieldName: true });
  const [[name, settings] = ["none", {}]] = Object.entries(json as Record<string, JsonValue>);
  return { name, settings: Object.entries(settings as Record<string, JsonValue>) };
}

/** The largest unit in which it is whole, e.g. `36 h`; milliseconds below a second. */
function formatDuration(duration: Duration | undefined): string {
  if (duration === undefined) return "none";
  const ms = durationMs(duration);
  const unit = units.find(([, size]) => ms >= size && ms % size === 0);
  return unit === undefined ? `${formatNumber(ms)} ms` : `${ms / unit[1]} ${unit[0]}`;
}

function factsOf(policy: Policy): (readonly [string, string])[] {
  const { changeDetection, reward, sharedPriorStrengthMax } = policy;
  const number = (value: number | undefined): string =>
    value === undefined ? "none" : formatNumber(value);
  const { name, settings } = algorithmParts(policy.algorithm);
  return [
    ["algorithm", name],
    ...settings
      .filter(([, value]) => !Array.isArray(value))
      .map(([field, value]) => [`  ${field}`, settingText(value)] as const),
    ["exploration share", number(policy.explorationShare)],
    ["holdout share", number(policy.holdoutShare)],
    [
      "Beta prior",
      `alpha ${number(policy.priorAlpha)}, beta ${number(policy.priorBeta)}` +
        (ignoresBetaPrior(policy) ? ` (not used by ${name})` : ""),
    ],
    [
      "shared prior",
      sharedPriorStrengthMax === 0
        ? "none"
        : `worth up to ${number(sharedPriorStrengthMax)} observations`,
    ],
    ["refresh interval", formatDuration(policy.refreshInterval)],
    ["attribution window", formatDuration(policy.attributionWindow)],
    ["late outcomes", policy.learnFromLateOutcomes ? "learned from" : "stored only"],
    ["default reward", number(policy.defaultReward)],
    [
      "forgetting half-life",
      policy.forgettingHalfLife === undefined ? "never" : formatDuration(policy.forgettingHalfLife),
    ],
    [
      "change detection",
      changeDetection?.threshold === 0
        ? "off"
        : `tolerance ${number(changeDetection?.tolerance)}, threshold ${number(changeDetection?.threshold)}`,
    ],
    [
      "penalties",
      `${number(reward?.costPenaltyPerUsd)} per USD, ${number(reward?.latencyPenaltyPerSecond)} per second`,
    ],
  ];
}

/** True when no share depends on it; `GetAllocation` describes the arms of UCB by it all the same. */
function ignoresBetaPrior({ algorithm, sharedPriorStrengthMax }: Policy): boolean {
  switch (algorithm?.kind.case) {
    case "ucb1":
    case "klUcb":
      return true;
    case "gaussianThompson":
      return sharedPriorStrengthMax === 0;
    default:
      return false;
  }
}

function formatFeatures(features: readonly LinearFeature[]): string {
  return formatTable(
    [{ title: "feature", widthMax: 64 }, ...numbers("mean", "scale")],
    features.map(({ name, mean = 0, scale = 1 }) => [
      name,
      formatNumber(mean),
      formatNumber(scale),
    ]),
  );
}

function formatReward({ components }: RewardSpec): string {
  return formatTable(
    [
      { title: "reward from", widthMax: 64 },
      ...numbers("weight", "counts as 0", "counts as 1"),
      "beyond",
    ],
    components.map(({ metric, weight, min, max, lowerIsBetter, unbounded }) => {
      const ends = [min, max].map((end) => orDash(end, formatNumber));
      const [low = "–", high = "–"] = lowerIsBetter ? ends.reverse() : ends;
      return [metric, formatNumber(weight), low, high, unbounded ? "counts" : "cut off"];
    }),
  );
}

function settingText(value: JsonValue): string {
  if (typeof value === "number") return formatNumber(value);
  if (!Array.isArray(value)) return String(value);
  return value.map((entry) => (entry as { readonly name?: string }).name ?? "").join(" ");
}
