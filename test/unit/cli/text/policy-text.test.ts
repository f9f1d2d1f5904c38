import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { formatAlgorithm, formatPolicyRecord } from "../../../../src/cli/text/policy-text.ts";
import {
  AlgorithmSchema,
  PolicyRecordSchema,
  type PolicySchema,
} from "../../../../src/client/index.ts";

describe("a policy as text", () => {
  it("has every part, with durations in the largest unit that holds them whole", () => {
    const record = create(PolicyRecordSchema, {
      agentType: "evolution",
      codeType: "py",
      etag: "7",
      updatedAt: timestampFromMs(0),
      policy: {
        algorithm: { kind: { case: "softmax", value: { temperature: 0.1 } } },
        reward: {
          components: [
            { metric: "seconds", weight: 0.25, min: 2, max: 30, lowerIsBetter: true },
            { metric: "profit", weight: 0.5, min: -1, max: 1, unbounded: true },
          ],
          costPenaltyPerUsd: 0.5,
        },
        explorationShare: 0.02,
        priorAlpha: 2,
        priorBeta: 3,
        refreshInterval: durationFromMs(50),
        attributionWindow: durationFromMs(5_400_000),
        forgettingHalfLife: durationFromMs(604_800_000),
        defaultReward: 0,
        sharedPriorStrengthMax: 20,
        changeDetection: { tolerance: 0.01, threshold: 0 },
      },
    });
    expect(formatPolicyRecord(record)).toBe(
      [
        "Policy of evolution, code type py, set 1970-01-01 00:00:00.000 UTC",
        "",
        "  algorithm             softmax",
        "    temperature         0.1",
        "  exploration share     0.02",
        "  holdout share         0",
        "  Beta prior            alpha 2, beta 3",
        "  shared prior          worth up to 20 observations",
        "  refresh interval      50 ms",
        "  attribution window    90 min",
        "  late outcomes         stored only",
        "  default reward        0",
        "  forgetting half-life  7 d",
        "  change detection      off",
        "  penalties             0.5 per USD, 0 per second",
        "  etag                  7",
        "",
        "reward from  weight  counts as 0  counts as 1  beyond",
        "───────────  ──────  ───────────  ───────────  ───────",
        "seconds        0.25           30            2  cut off",
        "profit          0.5           -1            1  counts",
        "",
      ].join("\n"),
    );
  });

  const shown = (policy: MessageInitShape<typeof PolicySchema>): string =>
    formatPolicyRecord(create(PolicyRecordSchema, { agentType: "evolution", etag: "7", policy }));

  it("gives every parameter and every feature a line, none over 100 columns", () => {
    const features = Array.from({ length: 16 }, (_, index) => ({
      name: `${"n".repeat(62)}${index + 10}`,
      mean: -123_456.789,
      scale: 0.000_123_4,
    }));
    const linear = shown({
      algorithm: {
        kind: {
          case: "linearThompson",
          value: { features, priorVariance: 2, noiseStandardDeviation: 0.5 },
        },
      },
    });
    expect(linear).toMatch(/^ {2}algorithm +linear_thompson\n {4}prior_variance +2\n/m);
    expect(linear).toMatch(/^ {4}noise_standard_deviation +0\.5$/m);
    expect(linear.match(/^n{62}\d\d +\S+ +\S+$/gm)).toHaveLength(16);
    const gaussian = shown({
      algorithm: {
        kind: {
          case: "gaussianThompson",
          value: { priorMean: 0.5, priorStrength: 1, priorShape: 1, priorScale: 0.25 },
        },
      },
    });
    expect(gaussian.match(/^ {4}prior_\w+ +[\d.]+$/gm)).toHaveLength(4);
    for (const line of `${linear}${gaussian}`.split("\n")) {
      expect(line.length).toBeLessThanOrEqual(100);
    }
  });

  it.each([
    ["gaussianThompson", 0, "gaussian_thompson"],
    ["gaussianThompson", 20, undefined],
    ["ucb1", 20, "ucb1"],
    ["klUcb", 0, "kl_ucb"],
    ["thompsonSampling", 0, undefined],
  ] as const)("marks a Beta prior that %s with sharing %d does not use", (kind, sharing, name) => {
    const text = shown({
      algorithm: { kind: { case: kind, value: {} } },
      priorAlpha: 1,
      priorBeta: 1,
      sharedPriorStrengthMax: sharing,
    });
    const mark = name === undefined ? "" : ` (not used by ${name})`;
    expect(text).toContain(`  alpha 1, beta 1${mark}\n`);
  });

  it("names an algorithm as policies do, with its settings", () => {
    expect(formatAlgorithm(undefined)).toBe("none");
    const thompson = { kind: { case: "thompsonSampling", value: {} } } as const;
    expect(formatAlgorithm(create(AlgorithmSchema, thompson))).toBe("thompson_sampling");
    const linear = {
      kind: {
        case: "linearThompson" as const,
        value: { features: [{ name: "size" }, { name: "depth" }], priorVariance: 2 },
      },
    };
    expect(formatAlgorithm(create(AlgorithmSchema, linear))).toBe(
      "linear_thompson (features size depth, prior_variance 2)",
    );
  });
});
