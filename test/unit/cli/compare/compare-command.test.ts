import { describe, expect, it } from "vitest";
import { SeededGenerator } from "../../../../src/numerics/random-generator.ts";
import { adaptiveDifference } from "../../../../src/statistics/adaptive-difference.ts";
import { AdaptiveSequence } from "../../../../src/statistics/adaptive-sequence.ts";
import { Aipw } from "../../../../src/statistics/aipw.ts";
import { bestArmBeta } from "../../../../src/statistics/best-arm.ts";
import { boundedDifferenceSequence } from "../../../../src/statistics/bounded-sequence.ts";
import {
  differenceSequence,
  relativeDifferenceSequence,
} from "../../../../src/statistics/confidence-sequence.ts";
import { EqualityEProcess } from "../../../../src/statistics/equality-e-process.ts";
import { exactProportionTest } from "../../../../src/statistics/exact-proportions.ts";
import { holmAdjustment } from "../../../../src/statistics/holm.ts";
import { PropensitySampleRatio } from "../../../../src/statistics/propensity-sample-ratio.ts";
import { sampleRatioSequence, sampleRatioTest } from "../../../../src/statistics/sample-ratio.ts";
import {
  relativeProportionTest,
  twoProportionTest,
} from "../../../../src/statistics/two-proportions.ts";
import { relativeWelchTest, welchTest } from "../../../../src/statistics/welch.ts";
import { accepted } from "../../../fixtures/reference/statistics-reference.ts";
import { sampleOf } from "../../../support/samples.ts";
import { words } from "../../../support/words.ts";
import { answerOf, expectUsageError, fileWriter, runInProcess } from "../run-in-process.ts";

const file = fileWriter();

const compare = (...args: string[]) => runInProcess(["compare", ...args]);
const reportOf = (...args: string[]) => answerOf(["compare", ...args]);
/** The comparison with arm a on a log of these lines. */
const compareLog = (lines: readonly string[], ...args: string[]) =>
  compare("--log", file(lines), "--control", "a", ...args);
const reportOn = (lines: readonly string[], ...args: string[]) =>
  reportOf("--log", file(lines), "--control", "a", ...args);

const arms = ["a", "b", "c"];
const means = [0.4, 0.55, 0.45];

/** Shares that lean towards what earned more so far; never below 0.1. */
function adaptiveLog(decisions: number) {
  const source = SeededGenerator.fromSeed(11);
  const earned = [1, 1, 1];
  return Array.from({ length: decisions }, (_, index) => {
    const sum = earned.reduce((total, one) => total + one, 0);
    const propensities = earned.map((one) => 0.1 + (0.7 * one) / sum);
    let left = source.next();
    let arm = propensities.findIndex((share) => {
      left -= share;
      return left < 0;
    });
    if (arm < 0) arm = 2;
    const reward = source.next() < (means[arm] as number) ? 1 : 0;
    earned[arm] = (earned[arm] as number) + reward;
    return { index, arm, propensities, reward };
  });
}

const titles = "variant_id,reward,propensity:a,propensity:b,propensity:c";
/** Lines below those titles. */
const vectorsOf = (log: ReturnType<typeof adaptiveLog>, scale = 1) =>
  log.map(({ arm, reward, propensities }) =>
    [arms[arm], reward * scale, ...propensities].join(","),
  );

describe("banditd compare with adaptive shares", () => {
  const log = adaptiveLog(1500);
  const columns = vectorsOf(log);
  const logLines = [titles, ...columns];

  it("gives what the statistics give on the same decisions", async () => {
    const ratio = new PropensitySampleRatio({ arms });
    const aipw = new Aipw({ arms, control: 0 });
    const sequence = new AdaptiveSequence({ arms, treatment: 2, control: 0 });
    const equality = [1, 2].map(
      (treatment) => new EqualityEProcess({ arms, treatment, control: 0 }),
    );
    for (const decision of log) {
      for (const statistic of [ratio, aipw, sequence, ...equality]) statistic.push(decision);
    }
    const alpha = 1 - 0.9;
    const differences = [1, 2].map((arm) => accepted(aipw.difference(arm, { alpha })));
    const adjusted = accepted(holmAdjustment(differences.map(({ pValue }) => pValue)));
    const report = await reportOn(logLines, "--level", "0.9");
    expect(report).toMatchObject({
      shares: "adaptive",
      control: "a",
      treatments: ["b", "c"],
      decisions: 1500,
      decisions_not_drawn: 0,
      decisions_without_reward: 0,
      rewards: "binary",
      sample_ratio: { p_value: accepted(ratio.test()).pValue, mismatch: false, refusal: null },
      any_time_sample_ratio: { p_value: accepted(ratio.sequence()).pValue },
    });
    const value = accepted(aipw.value(1, { alpha }));
    expect(report.arms[1]).toEqual({
      arm: "b",
      served: log.filter(({ arm }) => arm === 1).length,
      expected: accepted(ratio.test()).arms[1]?.expected,
      value: {
        estimate: value.estimate,
        low: value.low,
        high: value.high,
        standard_error: value.standardError,
        effective_sample_size: expect.closeTo(value.effectiveSampleSize, 9),
        mean_weight: value.meanWeight,
        refusal: null,
        covered_share: 1,
        left_out: [],
      },
    });
    const stratum = { name: "", decisions: 1500, result: sequence.result() };
    const { low, high, pValue } = accepted(adaptiveDifference([stratum], { alpha }));
    expect(report.comparisons[1].sequence).toMatchObject({ low, high, p_value: pValue });
    const evidence = equality.map((process) => accepted(process.result()));
    const sizeOf = (arm?: { effectiveSampleSize: number }) =>
      expect.closeTo(arm?.effectiveSampleSize as number, 9);
    for (const at of [0, 1]) {
      expect(report.comparisons[at]).toMatchObject({
        treatment: arms[at + 1],
        difference: {
          estimate: differences[at]?.estimate,
          low: differences[at]?.low,
          p_value: differences[at]?.pValue,
          adjusted_p_value: adjusted[at]?.adjustedPValue,
          treatment_effective_sample_size: sizeOf(differences[at]?.treatment),
          control_effective_sample_size: sizeOf(differences[at]?.control),
        },
        equality: {
          e_value: evidence[at]?.eValue,
          p_value: evidence[at]?.pValue,
          control_rewards: evidence[at]?.controlN,
        },
      });
    }
  });

  it("reads JSON lists that leave out what could not be served, and puts decisions in their order", async () => {
    const time = (index: number) => new Date(1_700_000_000_000 + index * 1000).toISOString();
    const lists = log.map(({ index, arm, reward, propensities }) =>
      [
        arms[arm],
        reward,
        `"[""a"",""b"",""c""]"`,
        `"${JSON.stringify(propensities)}"`,
        time(index).replace("T", " ").replace("Z", ""),
      ].join(","),
    );
    // A decision that could only serve a tells nothing of the others, and does no harm.
    const alone = `a,1,"[""a""]","[1]",${time(log.length)}`;
    const header = "variant_id,reward,arm_variant_ids,arm_probabilities,decided_at";
    const report = await reportOn([header, alone, ...lists.toReversed()]);
    const plain = await reportOn(logLines);
    expect(report.decisions).toBe(1501);
    expect(report.comparisons).toEqual(
      [plain.comparisons[0], plain.comparisons[1]].map((one) => ({
        ...one,
        equality: expect.objectContaining({
          treatment_rewards: one.equality.treatment_rewards,
          control_rewards: one.equality.control_rewards + 1,
        }),
      })),
    );
  });

  it("refuses a vector in which the served arm has no probability", async () => {
    const header = "variant_id,reward,arm_variant_ids,arm_probabilities";
    const { exitCode, stdout } = await compareLog([header, 'a,1,"[""a"",""b""]","[0,1]"']);
    expect(stdout).toContain("a was served with a propensity of 0");
    expect(exitCode).toBe(1);
  });

  describe("of several code types", () => {
    const header = "variant_id,reward,propensity:a,propensity:b,code_type";
    /** Means of a and b over both are 0.5; how often b is served is not the same. */
    const mixture = (() => {
      const source = SeededGenerator.fromSeed(3);
      return Array.from({ length: 20_000 }, (_, index) => {
        const isLeft = index % 2 === 0;
        const shareOfA = isLeft ? 0.5 : 0.95;
        const isA = source.next() < shareOfA;
        const reward = source.next() < (isLeft === isA ? 0.35 : 0.65) ? 1 : 0;
        return [isA ? "a" : "b", reward, shareOfA, 1 - shareOfA, isLeft ? "left" : "right"].join();
      });
    })();
    /** Forty decisions for each of the names: too few to say anything. */
    const silent = (...names: string[]) =>
      names.flatMap((name) =>
        Array.from({ length: 40 }, (_, index) => `${index % 2 ? "a" : "b"},1,0.5,0.5,${name}`),
      );

    it("weighs each by its traffic: arms that are equal over both are not called different", async () => {
      const report = await reportOn([header, ...mixture]);
      expect(report.contexts).toBe(2);
      const [{ difference, equality }] = report.comparisons;
      expect(difference.low).toBeLessThan(0);
      expect(difference.high).toBeGreaterThan(0);
      expect(difference).toMatchObject({ covered_share: 1, left_out: [] });
      // In each of the two the arms do differ, which is what the e-process looks for.
      expect(equality.log_e_value).toBeGreaterThan(100);
      for (const { value } of report.arms) {
        expect(value.low).toBeLessThan(0.5);
        expect(value.high).toBeGreaterThan(0.5);
      }
      const { stdout } = await compareLog([header, ...mixture]);
      expect(stdout).toContain("2 contexts (code types): values and differences");
      expect(stdout.replace(/\s+/g, " ")).toContain("it has no direction");
      expect(stdout).not.toContain("!!!");
    });

    it("calls them different when the column is not named so (negative control)", async () => {
      const lines = [header.replace("code_type", "kind"), ...mixture];
      const pooled = await reportOn(lines);
      expect(pooled.contexts).toBe(1);
      expect(pooled.comparisons[0].difference.low).toBeGreaterThan(0.09);
      const told = await reportOn(lines, "--context-column", "kind");
      expect(told.comparisons[0].difference.low).toBeLessThan(0);
    });

    it("sums up what it had to leave out: a note of little, one alarm of much", async () => {
      const lines = [header, ...mixture, ...silent("rare", "odd")];
      const [{ difference }] = (await reportOn(lines)).comparisons;
      const [{ difference: without }] = (await reportOn([header, ...mixture])).comparisons;
      expect(difference.estimate).toBe(without.estimate);
      expect(difference.covered_share).toBeCloseTo(20_000 / 20_080, 12);
      expect(difference.left_out).toMatchObject([
        { context: "rare", share: 40 / 20_080, refusal: { reason: "too_few" } },
        { context: "odd" },
      ]);
      const { exitCode, stdout } = await compareLog(lines);
      expect(exitCode).toBe(0);
      expect(stdout).not.toContain("!!!");
      expect(stdout.replace(/\s+/g, " ")).toMatch(
        /Of less than a hundredth of the traffic: \d numbers leave out rare \(0.002 of the traffic; .*\) and 1 other\./,
      );
      const more = Array.from({ length: 10 }, (_, index) => `rare ${index}`);
      const loud = (await compareLog([...lines, ...silent(...more)])).stdout;
      expect(loud.match(/!!!/g)).toHaveLength(1);
      expect(loud.replace(/\s+/g, " ")).toMatch(
        /!!! PART OF THE TRAFFIC: .* and 11 others, and each is about 0.977 of the traffic or more\./,
      );
    });

    it("refuses a number for less than 90 % of the traffic, and names what has the rest", async () => {
      const lines = [header, ...mixture.slice(0, 300), ...silent("rare")];
      const { stdout } = await compareLog(lines, "--json");
      const [{ difference }] = JSON.parse(stdout).comparisons;
      expect(difference).toMatchObject({ estimate: null, covered_share: null, left_out: [] });
      expect(difference.refusal.reason).toBe("too_few");
      expect(difference.refusal.message).toMatch(/^(left|right) has 44.1 % of the traffic/);
    });
  });

  it("weighs alike when told to: the average over the log", async () => {
    const aipw = new Aipw({ arms, control: 0, weighting: "uniform" });
    for (const decision of log) aipw.push(decision);
    const { estimate, low } = accepted(aipw.difference(1));
    const report = await reportOn(logLines, "--weighting", "uniform");
    expect(report).toMatchObject({ weighting: "uniform" });
    expect(report.comparisons[0].difference).toMatchObject({
      estimate: expect.closeTo(estimate, 12),
      low: expect.closeTo(low, 12),
    });
    expect((await reportOn(logLines)).comparisons[0].difference.estimate).not.toBe(estimate);
  });

  it("compares only the treatments asked for, at the price of one", async () => {
    const report = await reportOf("--log", file(logLines), ...words("--control c --treatment b"));
    expect(report.comparisons).toHaveLength(1);
    const [{ difference }] = report.comparisons;
    expect(difference.adjusted_p_value).toBe(difference.p_value);
    expect(report.arms.map(({ arm }: { arm: string }) => arm)).toEqual(["c", "b", "a"]);
  });

  it("says loudly when the arms were not served as logged", async () => {
    const wrong = log.map(({ arm, reward }) => `${arms[arm]},${reward},0.8,0.1,0.1`);
    const { stdout } = await compareLog([titles, ...wrong]);
    expect(stdout.indexOf("!!! SAMPLE RATIO MISMATCH")).toBeGreaterThan(0);
    expect(stdout.indexOf("!!! SAMPLE RATIO MISMATCH")).toBeLessThan(
      stdout.indexOf("value (AIPW)"),
    );
    const json = await compareLog([titles, ...wrong], "--json");
    expect(json.stderr).toContain("!!! SAMPLE RATIO MISMATCH");
    expect(json.stderr).not.toContain("--ratio");
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout).sample_ratio.mismatch).toBe(true);
  });

  it("has a sequence and no e-process for rewards between 0 and 1, and no number at all beyond", async () => {
    const half = [titles, ...vectorsOf(log, 0.5)];
    const report = await reportOn(half);
    expect(report.rewards).toBe("in_range");
    expect(report.comparisons[0].difference.refusal).toBeNull();
    expect(report.comparisons[0].equality).toMatchObject({
      e_value: null,
      refusal: { reason: "out_of_range" },
    });
    const { sequence } = report.comparisons[0];
    expect(sequence).toMatchObject({ refusal: null, standard_error: null, covered_share: 1 });
    expect(sequence.low).toBeGreaterThan(0);
    const { stdout } = await compareLog(half);
    expect(stdout).toMatch(
      /^Higher: b minus a is 0.08\d+, between 0.04\d+ and 0.1\d+ \(any time, level 0.95\)/m,
    );
    expect(stdout).toMatch(/^b +any time +0.08\d+ +0.04\d+ to 0.1\d+ +<0.0001 +<0.0001$/m);
    expect(stdout).not.toContain("e-process");

    const double = [titles, ...vectorsOf(log, 2)];
    const refused = await compareLog(double);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("does not say how the arms compare");
    const unbounded = await reportOn(double, "--unbounded");
    expect(unbounded.comparisons[0].difference.estimate).toBeCloseTo(
      4 * report.comparisons[0].difference.estimate,
      12,
    );
  });

  it("leaves decisions without a reward out, or counts them as 0", async () => {
    const gaps = log.map(({ arm, reward, propensities, index }) =>
      [arms[arm], index % 10 === 0 ? "" : reward, ...propensities].join(","),
    );
    const dropped = await reportOn([titles, ...gaps]);
    expect(dropped).toMatchObject({ decisions: 1500, decisions_without_reward: 150 });
    const zero = await reportOn([titles, ...gaps], "--missing", "zero");
    expect(zero.arms[1].value.estimate).toBeLessThan(dropped.arms[1].value.estimate);
    // Whether a reward is known has nothing to do with what was drawn.
    expect(zero.sample_ratio).toEqual(dropped.sample_ratio);
  });

  it("prints at most 100 columns", async () => {
    const long = "evolution/a-name-that-nobody-would-type-twice@12";
    const lines = columns.map((line) => line.replace(/^a,/, `${long},`));
    const path = file([titles.replace(":a", `:${long}`), ...lines]);
    const { stdout } = await compare("--log", path, "--control", "b");
    expect(stdout).toContain("evolution/a-name-that-nobody");
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });
});

describe("banditd compare with fixed shares", () => {
  const source = SeededGenerator.fromSeed(5);
  const units = Array.from({ length: 900 }, () => {
    const arm = source.next() < 0.5 ? "a" : source.next() < 0.6 ? "b" : "c";
    const before = source.next();
    const reward = source.next() < 0.2 + 0.4 * before + (arm === "b" ? 0.1 : 0) ? 1 : 0;
    return { arm, before, reward };
  });
  const logLines = units.map(({ arm, reward, before }) => `${arm},${reward},${before}`);
  const ratio = words("--ratio a=0.5 --ratio b=0.3 --ratio c=0.2");
  const logFile = file(["arm,reward,before", ...logLines]);
  const base = ["--log", logFile, ...words("--action-column arm --control a")];

  it("gives what the statistics give on the same rewards", async () => {
    const rewards = (arm: string) =>
      units.filter((unit) => unit.arm === arm).map(({ reward }) => reward);
    const sample = (arm: string) => sampleOf(rewards(arm));
    const counts = (arm: string) => ({
      n: rewards(arm).length,
      successes: rewards(arm).filter((reward) => reward === 1).length,
    });
    const report = await reportOf(...base, ...ratio, "--tightest-at", "300");
    const shares = [0.5, 0.3, 0.2];
    const seen = arms.map((arm, at) => ({
      count: rewards(arm).length,
      share: shares[at] as number,
    }));
    const best = accepted(
      bestArmBeta(
        arms.map((arm) => {
          const { n, successes } = counts(arm);
          return { alpha: 1 + successes, beta: 1 + n - successes };
        }),
      ),
    );
    expect(report).toMatchObject({
      shares: "fixed",
      treatments: ["b", "c"],
      decisions_of_other_arms: 0,
      propensities_moved: false,
      sample_ratio: { p_value: accepted(sampleRatioTest(seen)).pValue, mismatch: false },
      any_time_sample_ratio: { p_value: accepted(sampleRatioSequence(seen)).pValue },
    });
    expect(report.arms[1]).toMatchObject({
      arm: "b",
      units: rewards("b").length,
      share: 0.3,
      mean: sample("b").mean,
      best_probability: best[1]?.bestProbability,
      expected_loss: best[1]?.expectedLoss,
    });
    const pair = (arm: string) => ({ control: sample("a"), treatment: sample(arm) });
    const countPair = (arm: string) => ({ control: counts("a"), treatment: counts(arm) });
    const sequence = { tightestAtN: 300 };
    for (const [at, arm] of ["b", "c"].entries()) {
      const expected = {
        difference: accepted(welchTest(pair(arm))),
        relative: accepted(relativeWelchTest(pair(arm))),
        proportions: accepted(twoProportionTest(countPair(arm))),
        exact_proportions: accepted(exactProportionTest(countPair(arm))),
        relative_proportions: accepted(relativeProportionTest(countPair(arm))),
        sequence: accepted(differenceSequence(pair(arm), sequence)),
        relative_sequence: accepted(relativeDifferenceSequence(pair(arm), sequence)),
        bounded_sequence: accepted(boundedDifferenceSequence(pair(arm))),
      };
      for (const [method, { estimate, low, high, pValue }] of Object.entries(expected)) {
        const found = report.comparisons[at][method];
        const close = [found.estimate, found.low, found.high, found.p_value];
        for (const [place, number] of [estimate, low, high, pValue].entries()) {
          expect(close[place], `${method} of ${arm}`).toBeCloseTo(number, 9);
        }
      }
      expect(report.comparisons[at].cuped).toBeNull();
    }
    const pValues = ["b", "c"].map((arm) => accepted(welchTest(pair(arm))).pValue);
    const adjusted = accepted(holmAdjustment(pValues));
    expect(report.comparisons[1].difference.adjusted_p_value).toBeCloseTo(
      adjusted[1]?.adjustedPValue as number,
      9,
    );
  });

  it("takes a covariate for CUPED, which makes the interval narrower", async () => {
    const report = await reportOf(...base, ...ratio, "--covariate-column", "before");
    const [{ difference, cuped }] = report.comparisons;
    expect(cuped.variance_reduction).toBeGreaterThan(0.02);
    expect(cuped.high - cuped.low).toBeLessThan(difference.high - difference.low);
  });

  it("finds a ratio that was not kept, and says that equal shares were assumed where none was given", async () => {
    const assumed = await compare(...base);
    expect(assumed.stdout).toContain("!!! SAMPLE RATIO MISMATCH");
    expect(assumed.stdout.replace(/\s+/g, " ")).toContain(
      "Equal shares were assumed; --ratio names others",
    );
    expect(assumed.stderr).toContain("not served as often as they should be");
    expect(assumed.exitCode).toBe(1);
    const given = await compare(...base, ...words("--ratio a=0.2 --ratio b=0.3 --ratio c=0.5"));
    expect(given.stdout).toContain("!!! SAMPLE RATIO MISMATCH");
    expect(given.stdout).not.toContain("were assumed");
    expect(given.exitCode).toBe(1);
  });

  it("counts an arm without traffic that should have had a share as 0, which is a mismatch", async () => {
    const shares = words("--ratio a=0.4 --ratio b=0.25 --ratio c=0.15 --ratio d=0.2");
    const { exitCode, stdout } = await compare(...base, ...shares);
    expect(stdout).toContain("!!! SAMPLE RATIO MISMATCH");
    expect(stdout).toMatch(/^d +0 +0\.200 +0 +– +– /m);
    expect(exitCode).toBe(1);
    const lines = units.map(({ arm, reward }) => `${arm},${reward},0.5,0.3,0.2`);
    const known = await reportOn([titles, ...lines], "--shares", "fixed");
    expect(known).toMatchObject({ equal_shares_assumed: false, sample_ratio: { mismatch: false } });
    const four = lines.map((line) => line.replace("0.5,0.3,0.2", "0.4,0.25,0.15,0.2"));
    for (const kind of ["fixed", "adaptive"]) {
      const { stdout } = await compareLog(
        [`${titles},propensity:d`, ...four],
        ...["--shares", kind, "--treatment", "d", "--treatment", "b", "--treatment", "c"],
        "--json",
      );
      expect(JSON.parse(stdout)).toMatchObject({
        treatments: ["d", "b", "c"],
        sample_ratio: { mismatch: true },
        arms: expect.arrayContaining([expect.objectContaining({ arm: "d" })]),
      });
    }
  });

  it("says that the shares moved when the propensities did", async () => {
    const log = adaptiveLog(600);
    const ownShares = log.map(
      ({ arm, reward, propensities }) => `${arms[arm]},${reward},${propensities[arm]}`,
    );
    const { stdout } = await compareLog(["variant_id,reward,propensity", ...ownShares]);
    expect(stdout).toContain("!!! THE SHARES MOVED");
    const told = await compareLog([titles, ...vectorsOf(log)], "--shares", "fixed");
    expect(told.stdout).toContain("!!! THE SHARES MOVED");
    const still = await compare(...base, ...ratio);
    expect(still.stdout).not.toContain("!!!");
  });

  it("has no two-proportion test for rewards that are not 0 or 1, and does not speak of it", async () => {
    const rows = units.map(({ arm, before }) => `${arm},${before}`);
    const { exitCode, stdout } = await compareLog(["variant_id,reward", ...rows], ...ratio);
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain("proportions");
    const report = await reportOn(["variant_id,reward", ...rows], ...ratio);
    expect(report.comparisons[0].proportions.refusal.message).toContain("not all 0 or 1");
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("has an exact test where counts are too small for the other", async () => {
    const outcomes = ["a,0", "a,0", "a,0", "a,0", "a,0", "b,1", "b,1", "b,1", "b,1", "b,0"];
    const report = await reportOn(["variant_id,reward", ...outcomes]);
    const [{ proportions, exact_proportions: exact }] = report.comparisons;
    expect(proportions.refusal.reason).toBe("too_few");
    // Of the 210 tables with four successes among ten, five each, the 10 at the two ends are as unlikely.
    expect(exact.p_value).toBeCloseTo(10 / 210, 12);
    const { stdout } = await compareLog(["variant_id,reward", ...outcomes]);
    expect(stdout).toMatch(/^two proportions, exact +0\.8 +0\.\d+ to 0\.\d+ +0\.0476/m);
    expect(stdout).not.toMatch(/^two proportions +–/m);
  });

  it("needs --unbounded for a sequence of rewards beyond 0 to 1", async () => {
    const rows = units.map(({ arm, before }) => `${arm},${before * 10}`);
    const lines = ["variant_id,reward", ...rows];
    const narrow = await reportOn(lines, ...ratio);
    expect(narrow.comparisons[0].sequence.refusal.message).toContain("unbounded");
    const wide = await reportOn(lines, ...ratio, "--unbounded");
    expect(wide.comparisons[0].sequence.refusal).toBeNull();
    expect(wide.comparisons[0].bounded_sequence.refusal.reason).toBe("out_of_range");
  });

  it("is silent about costs of a heavy tail, and names the remedy", async () => {
    const cost = (index: number) => Math.exp(2 * Math.sin(index * index));
    const rows = units.map(({ arm }, index) => `${arm},${index % 97 === 0 ? 500 : cost(index)}`);
    const { exitCode, stdout } = await compareLog(["variant_id,reward", ...rows], ...ratio);
    expect(exitCode).toBe(1);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("cap them at a bound chosen beforehand");
    const capped = units.map(({ arm }, index) => `${arm},${Math.min(3, cost(index))}`);
    const report = await reportOn(["variant_id,reward", ...capped], ...ratio);
    expect(report.comparisons[0].difference.refusal).toBeNull();
  });

  it("exits with 1 and the reasons when there is no number at all", async () => {
    const lines = ["variant_id,reward", "a,1.5", "b,1.5"];
    const { exitCode, stdout, stderr } = await compareLog(lines);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("(too_few)");
    expect(stderr).toContain("does not say how the arms compare");
  });

  it.each([
    ["variant_id,reward", []],
    ["variant_id,reward", words("--ratio a=0.5 --ratio b=0.5")],
    ["variant_id,reward,propensity:a", []],
  ])("says of an empty log only that it has no decisions: %s %s", async (titles, options) => {
    const { exitCode, stdout, stderr } = await compareLog([titles], ...options);
    expect(stdout).toBe("The log has no decisions that drew an arm.\n");
    expect(stderr).toContain("the log has no decisions to compare");
    expect(exitCode).toBe(1);
  });

  it.each([
    ["--control z", "--control z: the log has no such arm; it has: a, b"],
    ["--control a --treatment z", "--treatment z: the log has"],
    ["--control a --treatment a", "it is the control"],
    ["--control a --treatment b --treatment b", "--treatment b: given twice"],
    ["--control a --ratio a", "--ratio a: must be an arm"],
    ["--control a --ratio a=1", "between 0 and 1"],
    ["--control a --ratio a=0.5", "share of b is missing"],
    ["--control a --ratio a=0.8 --ratio b=0.1", "--ratio: the shares add up to 0.9 and not to 1"],
    ["--control a --ratio z=0.5", "--ratio: the share of a is missing"],
    ["--control a --treatment b --ratio z=0.5", "--ratio z: this arm is not compared"],
    ["--control a --shares adaptive", "a column propensity:<arm> for every arm"],
    ["--control a --covariate-column age", '--covariate-column: there is no column "age"'],
    ["--control a --shares fixed --context-column reward", "belongs to --shares adaptive"],
    ["--control a --weighting uniform", "--weighting belongs to --shares adaptive"],
    ["--control a --address x:1", "--address belongs to"],
  ])("exits with 2 for %s", (args, message) => {
    const path = file(["variant_id,reward", "a,1", "b,0"]);
    return expectUsageError(["compare", "--log", path, ...words(args)], message);
  });

  it.each<[string, string, string]>([
    ["arm_variant_ids,arm_probabilities", '[a],"[1]"', "a JSON list of texts"],
    ["propensity:a,decided_at", "1,yesterday", '"yesterday", and needs a time'],
  ])("names the cell that cannot be read: %s", async (titles, cells, message) => {
    const { exitCode, stderr } = await compareLog([`variant_id,reward,${titles}`, `a,1,${cells}`]);
    expect(stderr).toContain(message);
    expect(stderr).toContain("line 2");
    expect(exitCode).toBe(2);
  });

  it("refuses options of the other kind", async () => {
    const adaptive = file(["variant_id,reward,propensity:a", "a,1,1"]);
    const misplaced = ["compare", "--log", adaptive, ...words("--control a --tightest-at 5")];
    await expectUsageError(misplaced, "--tightest-at belongs to --shares fixed");
    const live = words("compare --from 2026-01-01 --agent-type x --control a --covariate-column y");
    await expectUsageError(live, "--covariate-column belongs to --log");
  });
});
