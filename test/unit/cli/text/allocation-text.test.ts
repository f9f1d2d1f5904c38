import { create, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { formatAllocation } from "../../../../src/cli/text/allocation-text.ts";
import { AllocationSchema, Mode } from "../../../../src/client/index.ts";

describe("an allocation as text", () => {
  const base = {
    agentType: "evolution",
    codeType: "py",
    version: "00ff00ff00ff00ff",
    mode: Mode.LEARNING,
    computedAt: timestampFromMs(0),
    algorithm: { kind: { case: "thompsonSampling" as const, value: {} } },
  };
  const arm = {
    variantId: "evolution/terse@1",
    name: "terse",
    mean: 0.6,
    intervalLow: 0.51,
    intervalHigh: 0.69,
    bestProbability: 0.75,
    share: 0.7,
    generations: 12345n,
    expectedLoss: 0.0125,
    effectiveWeight: 99.5,
    effectiveReward: 60,
    alpha: 61,
    beta: 40.5,
  };

  const shown = (changes: Exclude<MessageInitShape<typeof AllocationSchema>, Message>): string =>
    formatAllocation(create(AllocationSchema, { ...base, ...changes }));

  it("has shares, beliefs and what was noticed", () => {
    const text = shown({
      forgettingPosition: 2.5,
      agentTypeChange: { noticedAt: timestampFromMs(1000), meanBefore: 0.7, meanSince: 0.5 },
      arms: [
        { ...arm, isBaseline: true, sharedPrior: { alpha: 3.25, beta: 2 } },
        {
          ...arm,
          variantId: "evolution/a-name-that-nobody-would-type-twice@2",
          isBaseline: false,
          expectedLoss: undefined,
          change: { noticedAt: timestampFromMs(0), meanBefore: 0.4, meanSince: 0.6 },
        },
      ],
    });
    expect(text).toMatch(/terse@1 \* +0\.700 +0\.750 +0\.6 +0\.51 to 0\.69 +0\.0125 +12,345\n/);
    expect(text).toMatch(/nobody-wo… +0\.700 +0\.750 +0\.6 +0\.51 to 0\.69 +– +12,345\n/);
    expect(text).toMatch(/terse@1 \* +99\.5 +Beta\(61, 40\.5\)\n/);
    expect(text).toMatch(/terse@1 \* +Beta\(3\.25, 2\)\n.*nobody-wo… +none: the policy's own\n/);
    expect(text).toContain("* the baseline\n");
    expect(text).toContain("2.5 half-lives have passed");
    expect(text).toContain(
      "Changed: the mean reward of the whole of evolution from 0.7 to 0.5, noticed 1970-01-01",
    );
    expect(text.replaceAll(/\s+/g, " ")).toContain("type-twice@2 from 0.4 to 0.6, noticed");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it.each([
    ["a served arm has dropped", 0.7, 0.4, true],
    ["a served arm has risen", 0.7, 0.8, false],
    ["an arm that is hardly served has dropped", 0.05, 0.4, false],
  ])("suggests to forget faster for a while where %s", (_, share, meanSince, suggests) => {
    const change = { noticedAt: timestampFromMs(0), meanBefore: 0.6, meanSince };
    const text = shown({ arms: [{ ...arm, share, change }] }).replaceAll(/\s+/g, " ");
    expect(text.includes("forget faster for a while: `banditd policy set`")).toBe(suggests);
  });

  it("says what the beliefs of other algorithms are, and marks a baseline whose name is cut", () => {
    const text = shown({
      arms: [
        { ...arm, normalInverseGamma: { mean: 0.6, strength: 12, shape: 3, scale: 0.25 } },
        {
          ...arm,
          variantId: "evolution/a-name-that-nobody-would-type-twice@2",
          isBaseline: true,
          linear: {
            coefficients: Array.from({ length: 17 }, (_, index) => index / 7),
            standardDeviation: 0.2,
          },
        },
      ],
    });
    expect(text).toContain("mean 0.6, strength 12, shape 3, scale 0.25");
    expect(text).toContain("std. dev. 0.2, coefficients 0 0.1429");
    expect(text).toContain("… * ");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("says which prior was shared whatever the belief is", () => {
    const sharedPrior = { alpha: 3.25, beta: 2 };
    const text = shown({
      arms: [
        {
          ...arm,
          sharedPrior,
          normalInverseGamma: { mean: 0.6543, strength: 123.4, shape: 123.4, scale: 0.1234 },
        },
        {
          ...arm,
          variantId: "evolution/spec@1",
          sharedPrior,
          linear: { coefficients: [0.6, 0.1], standardDeviation: 0.1 },
        },
      ],
    });
    expect(text).toMatch(/terse@1 +Beta\(3\.25, 2\)\nevolution\/spec@1 +Beta\(3\.25, 2\)\n/);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    expect(shown({ arms: [arm] })).not.toContain("shared prior");
  });

  it("keeps quiet about a forgetting that has hardly begun", () => {
    const withPosition = (forgettingPosition: number): string =>
      shown({ forgettingPosition, arms: [arm] });
    expect(withPosition(0.0099)).not.toContain("half-lives");
    expect(withPosition(0.01)).toContain("0.01 half-lives have passed");
  });

  describe("of a linear model", () => {
    const algorithm = {
      kind: {
        case: "linearThompson" as const,
        value: { features: [{ name: "size" }], priorVariance: 1, noiseStandardDeviation: 0.5 },
      },
    };
    const known = { ...arm, linear: { coefficients: [0.61, 0.2], standardDeviation: 0.1 } };
    const unknown = {
      ...arm,
      variantId: "evolution/spec@1",
      linear: { coefficients: [0.5, 0], standardDeviation: Math.sqrt(2) },
    };
    const said = (...arms: readonly (typeof known & { sharedPrior?: object })[]): string =>
      shown({ algorithm, arms: [...arms] }).replaceAll(/\s+/g, " ");

    it("names the arms whose generations are not in it", () => {
      expect(said(known, unknown)).toContain(
        "The linear model has learned nothing yet of evolution/spec@1: generations from before linear_thompson was",
      );
      expect(said(unknown, unknown)).toContain("nothing yet of every arm:");
    });

    it("says nothing of arms without generations, or with evidence", () => {
      const intercept = { ...unknown, linear: { coefficients: [0.61, 0], standardDeviation: 0.9 } };
      expect(said(known, { ...unknown, generations: 0n }, intercept)).not.toContain(
        "learned nothing",
      );
    });

    it("knows how certain a shared prior is before any outcome", () => {
      const sharedPrior = { alpha: 20, beta: 5 };
      const at = (standardDeviation: number) =>
        said({ ...unknown, sharedPrior, linear: { coefficients: [0.8, 0], standardDeviation } });
      expect(at(0.1)).toContain("nothing yet of every arm:");
      expect(at(0.099)).not.toContain("learned nothing");
    });
  });
});
