import { describe, expect, it } from "vitest";
import { accepted } from "../../../fixtures/reference/statistics-reference.ts";
import {
  meansDetectableEffect,
  meansPower,
  meansSampleSize,
  proportionsDetectableEffect,
  proportionsPower,
  proportionsSampleSize,
} from "../../../support/power.ts";
import { words } from "../../../support/words.ts";
import { answerOf, expectUsageError, runInProcess } from "../run-in-process.ts";

const plan = (...args: string[]) => answerOf(["power", ...args]);

describe("banditd power", () => {
  it("needs the observations of the table in docs/concepts/experiments.md", async () => {
    const size = async (args: string) => (await plan(...words(args))).control_size;
    expect(await size("--baseline 0.5 --effect 0.1")).toBe(388);
    expect(await size("--baseline 0.5 --effect 0.1 --looks any-time")).toBe(740);
    expect(await size("--baseline 0.1 --effect 0.02")).toBe(3841);
  });

  it("computes the option that is not given, for rates", async () => {
    const rates = { controlRate: 0.7, treatmentRate: 0.7 - 0.05 };
    const options = { alpha: 0.01, power: 0.9, allocationRatio: 0.5 };
    const sized = accepted(proportionsSampleSize(rates, options));
    const common = ["--baseline", "0.7", "--alpha", "0.01", "--allocation-ratio", "0.5"];
    expect(await plan(...common, "--effect", "-0.05", "--power", "0.9")).toEqual({
      question: "sample_size",
      outcome: "proportion",
      baseline: 0.7,
      standard_deviation: null,
      alpha: 0.01,
      looks: "once",
      tightest_at: null,
      effect: -0.05,
      // The effect is what was typed here, and a difference of two rates there.
      power: expect.closeTo(sized.power, 12),
      control_size: sized.controlN,
      treatment_size: sized.treatmentN,
      refusal: null,
    });
    const sizes = { controlN: 900, treatmentN: 450 };
    const powered = accepted(proportionsPower({ ...sizes, ...rates }, { alpha: 0.01 }));
    expect(await plan(...common, "--effect", "-0.05", "--control-size", "900")).toMatchObject({
      question: "power",
      power: expect.closeTo(powered.power, 12),
      treatment_size: 450,
    });
    const fall = accepted(
      proportionsDetectableEffect({ ...sizes, controlRate: 0.7, direction: "fall" }, options),
    );
    const asked = words("--control-size 900 --power 0.9 --direction fall");
    const found = await plan(...common, ...asked);
    expect(found).toMatchObject({ question: "detectable_effect", effect: fall.effect });
    expect(found.effect).toBeLessThan(0);
  });

  it("computes the option that is not given, for means, at any time too", async () => {
    const common = ["--standard-deviation", "0.3"];
    const anyTime = ["--looks", "any-time", "--tightest-at", "200"];
    const looks = { looks: "any_time", tightestAtN: 200 } as const;
    const plans = { standardDeviation: 0.3, effect: 0.05 };
    const sizes = { controlN: 500, treatmentN: 500 };
    const sized = accepted(meansSampleSize(plans, looks));
    expect(await plan(...common, "--effect", "0.05", ...anyTime)).toMatchObject({
      outcome: "mean",
      looks: "any_time",
      tightest_at: 200,
      control_size: sized.controlN,
    });
    const powered = accepted(meansPower({ ...plans, ...sizes }));
    expect(await plan(...common, "--effect", "0.05", "--control-size", "500")).toMatchObject({
      power: powered.power,
    });
    const found = accepted(meansDetectableEffect({ standardDeviation: 0.3, ...sizes }));
    expect(await plan(...common, "--control-size", "500")).toMatchObject({ effect: found.effect });
  });

  it("prints the reason where a number would stand, and exits with 1", async () => {
    const impossible = words("power --baseline 0.7 --effect 0.5");
    const { exitCode, stdout, stderr } = await runInProcess(impossible);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("> observations       no number");
    expect(stdout).toContain("a rate must be between 0 and 1, not 1.2 (out_of_range)");
    expect(stderr).toContain("there is no such plan");
  });

  it("marks the answer", async () => {
    const { stdout } = await runInProcess(words("power --baseline 0.7 --effect 0.05"));
    expect(stdout).toContain("> observations       1,251 control, 1,251 treatment");
    expect(stdout).toContain("0.05 (0.7 against 0.75)");
  });

  it.each([
    ["--effect 0.1", "either --baseline (0/1 rewards) or --standard-deviation"],
    ["--baseline 0.5 --standard-deviation 1 --effect 0.1", "either --baseline"],
    ["--baseline 0.5", "give --effect, --control-size or both"],
    ["--baseline 0.5 --effect 0.1 --control-size 9 --power 0.9", "leave one of them out"],
    ["--baseline 0.5 --effect 0.1 --tightest-at 9", "--tightest-at belongs to --looks any-time"],
    ["--baseline 0.5 --effect 0.1 --direction fall", "--direction belongs to"],
    ["--standard-deviation 1 --control-size 9 --direction fall", "--direction belongs to"],
    ["--baseline 1.5 --effect 0.1", "a number from 0 to 1"],
  ])("exits with 2 for %s", (args, message) => expectUsageError(words(`power ${args}`), message));
});
