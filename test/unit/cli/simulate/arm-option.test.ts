import { describe, expect, it } from "vitest";
import { exitCodes } from "../../../../src/cli/exit-code.ts";
import { describeFailure } from "../../../../src/cli/main.ts";
import { parseArmOption, requireUsableArms } from "../../../../src/cli/simulate/arm-option.ts";

describe("--arm", () => {
  it.each([
    ["mixtral=correct", { name: "mixtral", column: "correct", cost: 0 }],
    ["gpt-4=gpt_4_correct:1", { name: "gpt-4", column: "gpt_4_correct", cost: 1 }],
    ["a=b:0.25", { name: "a", column: "b", cost: 0.25 }],
    ["a=metric:value", { name: "a", column: "metric:value", cost: 0 }],
    ["a=metric:value:0.5", { name: "a", column: "metric:value", cost: 0.5 }],
    ["a=x=y", { name: "a", column: "x=y", cost: 0 }],
  ])("reads %s", (text, expected) => {
    expect(parseArmOption(text)).toEqual(expected);
  });

  it.each([
    ["mixtral", "NAME=COLUMN"],
    ["=column", "NAME=COLUMN"],
    ["a=", "NAME=COLUMN"],
    ["a=b:", "cost"],
    ["a=:0.5", "column"],
    ["a=b:1.5", "between 0 and 1"],
    ["a=b:-1", "between 0 and 1"],
    ["a=b:Infinity", "between 0 and 1"],
    ["GPT 4=b", "a-z"],
  ])("refuses %s as wrong usage, quoting it", (text, reason) => {
    const failure = caught(() => parseArmOption(text));
    expect(failure.exitCode).toBe(exitCodes.usage);
    expect(failure.message).toContain(`--arm ${text}`);
    expect(failure.message).toContain(reason);
  });

  it("refuses one arm, and the same name or column twice", () => {
    const use =
      (...arms: string[]) =>
      () =>
        requireUsableArms(arms.map(parseArmOption));
    expect(caught(use("a=x")).message).toContain("twice");
    expect(caught(use("a=x", "a=y")).message).toContain('name "a"');
    expect(caught(use("a=x", "b=x")).message).toContain('column "x"');
    expect(use("a=x", "b=y")).not.toThrow();
  });
});

function caught(run: () => unknown) {
  try {
    run();
  } catch (error) {
    return describeFailure(error);
  }
  throw new Error("nothing was thrown");
}
