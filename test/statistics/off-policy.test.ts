import { beforeAll, describe, expect, it } from "vitest";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import type { CandidatePolicy } from "../../src/statistics/off-policy/candidate-policy.ts";
import type { Evaluation, ValueEstimate } from "../../src/statistics/off-policy/evaluation.ts";
import type { LoggedRow } from "../../src/statistics/off-policy/logged-row.ts";
import { adaptiveLog, thompson } from "../support/adaptive-log.ts";
import { evaluateOffPolicy } from "../support/evaluate-off-policy.ts";

/*
 * Logs of tasks whose true rewards are known, evaluated thousands of times. The seeds are fixed, so a failure is
 * a change of behaviour. Had they been drawn anew, each comparison below would fail by chance less than once in
 * 10,000 times (four standard errors of the simulation).
 */

const estimators = ["onPolicy", "ips", "snips", "dm", "dr", "switchDr"] as const;
type Estimator = (typeof estimators)[number];

/** What many evaluations of one estimator look like against the truth. */
class Tally {
  answers = 0;
  refusals = 0;
  covered = 0;
  coveredHalf = 0;
  #errors = 0;
  #squares = 0;
  #standardErrors = 0;

  add(estimate: ValueEstimate, truth: number): void {
    const error = estimate.value - truth;
    this.answers += 1;
    this.#errors += error;
    this.#squares += error * error;
    this.#standardErrors += estimate.standardError;
    if (estimate.low <= truth && truth <= estimate.high) this.covered += 1;
    if (2 * Math.abs(error) <= estimate.high - estimate.value) this.coveredHalf += 1;
  }

  get bias(): number {
    return this.#errors / this.answers;
  }

  get deviation(): number {
    return Math.sqrt(this.#squares / this.answers - this.bias ** 2);
  }

  /** Bias in units of its own standard error over the simulations. */
  get biasInErrors(): number {
    return (this.bias / this.deviation) * Math.sqrt(this.answers);
  }

  get meanStandardError(): number {
    return this.#standardErrors / this.answers;
  }

  get coverage(): number {
    return this.covered / this.answers;
  }
}

type Records = Readonly<Record<Estimator, Tally>>;

function simulate(options: {
  readonly logs: number;
  readonly makeLog: () => readonly LoggedRow[];
  readonly policy: CandidatePolicy;
  readonly truth: number;
  readonly level?: number;
}): Records {
  const records = Object.fromEntries(estimators.map((name) => [name, new Tally()])) as Records;
  for (let log = 0; log < options.logs; log += 1) {
    const evaluation = evaluated(options.makeLog(), options);
    for (const name of estimators) {
      const estimate = evaluation[name];
      if (estimate.ok) records[name].add(estimate.value, options.truth);
      else records[name].refusals += 1;
    }
  }
  return records;
}

function evaluated(
  rows: readonly LoggedRow[],
  options: { readonly policy: CandidatePolicy; readonly level?: number },
): Evaluation {
  const result = evaluateOffPolicy(rows, options);
  if (!result.ok) throw new Error(result.refusal.message);
  return result.value;
}

/** Draws tasks in three contexts, with everything about them known. */
class World {
  readonly #generator: SeededGenerator;
  readonly #contexts = ["x", "y", "z"];
  readonly #contextShares = [0.5, 0.3, 0.2];
  readonly arms = ["a", "b", "c", "d"];
  readonly #means = [
    [0.2, 0.5, 0.6, 0.4],
    [0.7, 0.3, 0.5, 0.2],
    [0.1, 0.4, 0.3, 0.9],
  ];

  constructor(seed: number) {
    this.#generator = SeededGenerator.fromSeed(seed);
  }

  policy(shares: readonly (readonly number[])[]): CandidatePolicy {
    return { arms: this.arms, sharesIn: (context) => shares[this.#contexts.indexOf(context)] };
  }

  valueOf(shares: readonly (readonly number[])[]): number {
    return this.#contextShares.reduce(
      (sum, share, context) =>
        sum +
        share *
          (shares[context] as number[]).reduce(
            (mean, each, arm) => mean + each * (this.#means[context]?.[arm] as number),
            0,
          ),
      0,
    );
  }

  log(
    rows: number,
    logged: readonly (readonly number[])[],
    stated: (propensity: number) => number = (propensity) => propensity,
  ): LoggedRow[] {
    return Array.from({ length: rows }, () => {
      const context = this.#draw(this.#contextShares);
      const shares = logged[context] as readonly number[];
      const arm = this.#draw(shares);
      return {
        context: this.#contexts[context] as string,
        arm: this.arms[arm] as string,
        propensity: stated(shares[arm] as number),
        reward: this.#generator.next() < (this.#means[context]?.[arm] as number) ? 1 : 0,
      };
    });
  }

  #draw(shares: readonly number[]): number {
    let left = this.#generator.next();
    const drawn = shares.findIndex((share) => {
      left -= share;
      return left < 0;
    });
    return drawn < 0 ? shares.length - 1 : drawn;
  }
}

const logged = [
  [0.4, 0.3, 0.2, 0.1],
  [0.1, 0.2, 0.3, 0.4],
  [0.25, 0.25, 0.25, 0.25],
];
const candidate = [
  [0.1, 0.2, 0.6, 0.1],
  [0.7, 0.1, 0.1, 0.1],
  [0.1, 0.1, 0.1, 0.7],
];
const speaking = ["ips", "snips", "dm", "dr", "switchDr"] as const;

/** Four standard errors of the simulation, and half a percent for intervals that are only asymptotic. */
const coverageMargin = (level: number, logs: number) =>
  4 * Math.sqrt((level * (1 - level)) / logs) + 0.005;

function expectCoverage({ coverage }: Tally, level: number, logs: number): void {
  expect(Math.abs(coverage - level)).toBeLessThan(coverageMargin(level, logs));
}

describe("4,000 logs of 1,000 rows with fixed shares", () => {
  const logs = 4000;
  const world = new World(77);
  const policy = world.policy(candidate);
  const makeLog = () => world.log(1000, logged);
  const setting = { makeLog, policy, truth: world.valueOf(candidate) };
  let records: Records;
  beforeAll(() => {
    records = simulate({ ...setting, logs });
  });

  it.each(["ips", "snips", "dr", "switchDr"] as const)("%s is right on average", (name) => {
    // SNIPS is biased by about 1/n; a tenth of its standard error is far more than that.
    const allowed = name === "snips" ? 4 + 0.1 * Math.sqrt(logs) : 4;
    expect(Math.abs(records[name].biasInErrors)).toBeLessThan(allowed);
  });

  it("the direct method, drawn to the arms' means, is off by less than half of its standard error", () => {
    const { bias, deviation } = records.dm;
    expect(Math.abs(bias)).toBeLessThan(deviation / 2);
    expect(Math.abs(records.dm.biasInErrors)).toBeGreaterThan(4);
  });

  it.each(speaking)("%s covers the truth in 95 %% of its intervals", (name) => {
    expectCoverage(records[name], 0.95, logs);
  });

  it.each(speaking)("%s states the standard error that it has, within 5 %%", (name) => {
    const { meanStandardError, deviation } = records[name];
    expect(meanStandardError / deviation).toBeGreaterThan(0.95);
    expect(meanStandardError / deviation).toBeLessThan(1.05);
  });

  it("refuses less than one log in 500 that has nothing wrong with it", () => {
    for (const name of speaking) expect(records[name].refusals).toBeLessThan(logs / 500);
  });

  it("doubly robust is more precise than SNIPS, and SNIPS than IPS", () => {
    expect(records.dr.deviation).toBeLessThan(records.snips.deviation);
    expect(records.snips.deviation).toBeLessThan(records.ips.deviation * 0.8);
  });

  it("would find out the plain mean, and intervals of half the length", () => {
    expect(records.onPolicy.coverage).toBe(0);
    for (const name of speaking) {
      const coveredHalf = records[name].coveredHalf / records[name].answers;
      expect(coveredHalf).toBeLessThan(0.95 - coverageMargin(0.95, logs) - 0.1);
    }
  });

  it("covers at another level too", () => {
    const other = simulate({ ...setting, logs: 1500, level: 0.8 });
    for (const name of speaking) expectCoverage(other[name], 0.8, 1500);
  });

  it("would find out propensities that are wrong by a fifth: refused, or biased for all to see", () => {
    const wrongLog = (rows: number) =>
      world.log(rows, logged, (propensity) => Math.min(1, propensity * 1.2));
    const wrong = simulate({ ...setting, logs: 500, makeLog: () => wrongLog(1000) });
    expect(Math.abs(wrong.ips.biasInErrors)).toBeGreaterThan(10);
    expect(evaluated(wrongLog(20_000), { policy }).ips.ok).toBe(false);
  });
});

describe("500 logs of 1,500 rows by Thompson sampling", () => {
  const logs = 500;
  const means = [0.5, 0.45, 0.4, 0.3];
  const ids = means.map((_, arm) => `v${arm}`);
  let runs = 0;
  const even: CandidatePolicy = { arms: ids, sharesIn: () => [0.25, 0.25, 0.25, 0.25] };
  let records: Records;

  function learningLog(): readonly LoggedRow[] {
    runs += 1;
    const log = { algorithm: thompson, explorationShare: 0.5, meansAt: () => means, steps: 1500 };
    return Array.from(adaptiveLog({ ...log, seed: runs }), ({ arm, propensities, reward }) => ({
      ...{ context: "", arm: ids[arm] as string, propensity: propensities[arm] as number, reward },
    }));
  }

  beforeAll(() => {
    records = simulate({ logs, makeLog: learningLog, policy: even, truth: 0.4125 });
  });

  it.each(["ips", "snips", "dr", "switchDr"] as const)(
    "%s is right on average and covers the truth in 95 %% of its intervals",
    (name) => {
      const allowed = name === "snips" ? 4 + 0.1 * Math.sqrt(logs) : 4;
      expect(Math.abs(records[name].biasInErrors)).toBeLessThan(allowed);
      expectCoverage(records[name], 0.95, logs);
      expect(records[name].refusals).toBe(0);
    },
  );

  it("the plain mean and the direct method are not: an arm with bad luck is not asked again", () => {
    expect(records.onPolicy.biasInErrors).toBeGreaterThan(20);
    expect(records.dm.biasInErrors).toBeLessThan(-4);
  });
});

describe("logs in which an arm is served once in 10,000 tasks and wanted in one of ten", () => {
  const rare = [
    [0.4, 0.35, 0.2499, 0.0001],
    [0.3, 0.3, 0.2, 0.2],
    [0.25, 0.25, 0.25, 0.25],
  ];
  const wanted = [
    [0.4, 0.3, 0.2, 0.1],
    [0.2, 0.2, 0.3, 0.3],
    [0.25, 0.25, 0.25, 0.25],
  ];
  const world = new World(5);
  const truth = world.valueOf(wanted);
  const policy = world.policy(wanted);

  it("where it was seen IPS, SNIPS and DR refuse, and switch-DR covers with its bias bound added", () => {
    let refused = 0;
    let switched = 0;
    let covered = 0;
    let seenLogs = 0;
    for (let log = 0; log < 600; log += 1) {
      const rows = world.log(2000, rare);
      const seen = rows.some(({ propensity }) => propensity === 0.0001);
      const { ips, snips, dr, switchDr } = evaluated(rows, { policy });
      if (!seen) continue;
      seenLogs += 1;
      if (![ips, snips, dr].some(({ ok }) => ok)) refused += 1;
      if (!switchDr.ok || switchDr.value.threshold === undefined) continue;
      switched += 1;
      const { low, high, biasBound } = switchDr.value;
      if (low - biasBound <= truth && truth <= high + biasBound) covered += 1;
    }
    // A tenth of the logs: 1,000 tasks of that context with a probability of 1e-4.
    expect(seenLogs).toBeGreaterThan(30);
    expect(refused).toBe(seenLogs);
    expect(switched).toBe(seenLogs);
    expect(covered / switched).toBeGreaterThan(0.95);
  });
});
