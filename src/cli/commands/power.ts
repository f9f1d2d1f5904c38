import { Command, Option } from "commander";
import type { PlanRequest } from "../../statistics/experiments/plan-experiment.ts";
import { print } from "../command-frame.ts";
import { badInput } from "../exit-code.ts";
import { numberWithin, wholeNumber } from "../parse-option.ts";
import type { Terminal } from "../terminal.ts";
import { formatPowerReport, powerReport } from "../text/power-report.ts";

const sizeMax = 1_000_000_000_000;
const powerDefault = 0.8;
const tightestAtDefault = 1000;
const looks = { once: "once", "any-time": "any_time" } as const;

interface PowerOptions {
  readonly baseline?: number;
  readonly standardDeviation?: number;
  readonly effect?: number;
  readonly controlSize?: number;
  readonly power?: number;
  readonly alpha: number;
  readonly allocationRatio: number;
  readonly looks: keyof typeof looks;
  readonly tightestAt?: number;
  readonly direction?: "rise" | "fall";
  readonly json?: true;
}

export function powerCommand(terminal: Terminal): Command {
  return new Command("power")
    .description("plan an experiment: its size, its power, or the effect it can find")
    .option("--baseline <rate>", "0/1 rewards: success rate of the control", numberWithin(0, 1))
    .option(
      "--standard-deviation <number>",
      "other rewards: standard deviation in each arm",
      numberWithin(0, Number.MAX_VALUE),
    )
    .option(
      "--effect <number>",
      "true difference, treatment − control",
      numberWithin(-Number.MAX_VALUE, Number.MAX_VALUE),
    )
    .option("--control-size <count>", "observations of the control", wholeNumber(1, sizeMax))
    .option(
      "--power <probability>",
      `probability to find the effect (default: ${powerDefault})`,
      numberWithin(0, 1),
    )
    .option(
      "--alpha <level>",
      "two-sided level, the rate of false alarms",
      numberWithin(1e-9, 0.5),
      0.05,
    )
    .option(
      "--allocation-ratio <number>",
      "treatment observations for each of the control",
      numberWithin(0.001, 1000),
      1,
    )
    .addOption(
      new Option("--looks <when>", "judged once at the end, or by a sequence at any time")
        .choices(Object.keys(looks))
        .default("once"),
    )
    .option(
      "--tightest-at <count>",
      `any-time: observations an arm at which the interval is tightest (default: ${tightestAtDefault})`,
      wholeNumber(1, sizeMax),
    )
    .addOption(
      new Option(
        "--direction <which>",
        "0/1 rewards, effect not given: smallest rise, or smallest fall (default: rise)",
      ).choices(["rise", "fall"]),
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Give two of --effect, --control-size and --power, and the third is computed; --power is 0.8 if it is needed and
not given. Exits with 1 when there is no number; the reason is printed.

Examples:
  banditd power --baseline 0.7 --effect 0.05
  banditd power --baseline 0.7 --control-size 2000 --looks any-time
  banditd power --standard-deviation 0.3 --effect 0.05 --control-size 500`,
    )
    .action((options: PowerOptions) => {
      print(terminal, options, powerReport(requestFrom(options)), {
        json: (report) => report,
        text: formatPowerReport,
        failure: ({ refusal }) => (refusal === null ? undefined : "there is no such plan"),
      });
    });
}

function requestFrom(options: PowerOptions): PlanRequest {
  const { baseline, standardDeviation, effect, controlSize, direction } = options;
  if (effect === undefined && controlSize === undefined) {
    throw badInput("give --effect, --control-size or both; the one that is not given is computed");
  }
  if (effect !== undefined && controlSize !== undefined && options.power !== undefined) {
    throw badInput("--effect and --control-size together give the power; leave one of them out");
  }
  if (options.tightestAt !== undefined && options.looks === "once") {
    throw badInput("--tightest-at belongs to --looks any-time");
  }
  if (direction !== undefined && (effect !== undefined || baseline === undefined)) {
    throw badInput("--direction belongs to --baseline without --effect");
  }
  return {
    outcome: outcomeFrom(baseline, standardDeviation),
    ...(effect === undefined ? {} : { effect }),
    ...(controlSize === undefined ? {} : { controlSize }),
    power: options.power ?? powerDefault,
    alpha: options.alpha,
    allocationRatio: options.allocationRatio,
    looks: looks[options.looks],
    tightestAt: options.tightestAt ?? tightestAtDefault,
    direction: direction ?? "rise",
  };
}

function outcomeFrom(
  baseline: number | undefined,
  standardDeviation: number | undefined,
): PlanRequest["outcome"] {
  if (baseline !== undefined && standardDeviation === undefined) {
    return { kind: "proportion", baseline };
  }
  if (baseline === undefined && standardDeviation !== undefined) {
    return { kind: "mean", standardDeviation };
  }
  throw badInput("give either --baseline (0/1 rewards) or --standard-deviation (other rewards)");
}
