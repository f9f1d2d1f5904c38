/**
 * Precision and cost of the special functions, ours and jstat's, on the committed fixtures:
 * `node bench/numerics.ts [rounds]`. Errors are the largest relative ones of a regime, tails and bulk
 * apart; times are the median over the rounds of the mean time per call over all points of the fixture,
 * so a mixture of easy and difficult ones. docs/adr/0003-special-functions.md quotes this.
 */
import { parseArgs } from "node:util";
import { readNumericsCases } from "../test/fixtures/reference/read-numerics-reference.ts";
import { jstatFunctions } from "../test/unit/numerics/jstat-functions.ts";
import {
  type Implementation,
  referenceFunctions,
  worstErrors,
} from "../test/unit/numerics/reference-functions.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const rounds = Number(positionals[0] ?? 20);
const regimes = ["tiny", "one", "mixed", "moderate", "large", "tails", "edges"];
/** Regimes that only the functions of one variable have. */
const regimeOf: Readonly<Record<string, string>> = {
  "near 1 and 2": "one",
  middle: "mixed",
  huge: "tails",
};

/** "bulk / tail", or one of them where the regime has only one. */
function errorCell(bulk: number, tail: number): string {
  const short = (error: number) =>
    error === 0 ? "0" : error.toExponential(0).replace("Infinity", "∞");
  return tail === 0
    ? short(bulk)
    : bulk === 0
      ? `t ${short(tail)}`
      : `${short(bulk)} t ${short(tail)}`;
}

function errorRow(
  reference: (typeof referenceFunctions)[number],
  implementation: Implementation,
): string[] {
  const cells = new Map<string, string>();
  for (const [regime, { bulk, tail }] of worstErrors(reference, implementation)) {
    cells.set(regimeOf[regime] ?? regime, errorCell(bulk, tail));
  }
  return regimes.map((regime) => cells.get(regime) ?? "–");
}

function microsecondsPerCall(file: string, name: string, implementation: Implementation): number {
  const points = readNumericsCases(file, name).map(({ args }) => args);
  const times: number[] = [];
  for (let round = 0; round < 2 * rounds; round += 1) {
    const start = performance.now();
    for (const args of points) implementation(...args);
    if (round >= rounds) times.push(((performance.now() - start) * 1000) / points.length);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] as number;
}

console.log(`| function | whose | µs/call | ${regimes.join(" | ")} |`);
console.log(`|---|---|---|${regimes.map(() => "---|").join("")}`);
for (const reference of referenceFunctions) {
  const { name, file } = reference;
  for (const [whose, implementation] of [
    ["ours", reference.implementation],
    ["jstat", jstatFunctions[name] as Implementation],
  ] as const) {
    const cost = microsecondsPerCall(file, name, implementation).toPrecision(2);
    console.log(
      `| ${name} | ${whose} | ${cost} | ${errorRow(reference, implementation).join(" | ")} |`,
    );
  }
}
