/** Weighted mean of some values, as sums. */
interface Sums {
  weight: number;
  total: number;
}

const dayMs = 24 * 3_600_000;
const hourMs = 3_600_000;
/** A cell with fewer outcomes surprises nobody: what it earns is not known yet. */
const cellWeightMin = 10;
/** Outcomes of no effect that an hour starts from. */
const hourStrength = 100;
/** What a day counts one day later: a week's worth is remembered. */
const keptPerDay = 0.9;

/** A cell's rewards without the effects of their hours, since the last restart; and as they were, since ever. */
interface Cell {
  readonly recent: Sums;
  readonly ever: Sums;
}

/**
 * What an outcome can be expected to earn, from what outcomes before it earned in the same cell (arm and code type) and, on
 * earlier days, at the same hour: the mix of tasks and its daily swing explain that much. Today's outcomes say nothing about
 * today's hours, so a drop does not explain itself within the hour; and nothing is forgotten in a cell, whose mean would
 * follow a drop. No clock of its own; 48 pairs of numbers and two for each cell.
 */
export class ExpectedRewards {
  readonly #cells = new Map<string, Cell>();
  /** By hour of the day, UTC: rewards beyond the cell's mean. */
  readonly #earlier: readonly Sums[] = hours();
  #today: readonly Sums[] = hours();
  #day = Number.NEGATIVE_INFINITY;

  /**
   * Takes an outcome in. @returns what it was expected to be, in [0,1]; of the first ten outcomes of a cell the reward itself
   * @param reward in [0,1] @param weight above 0
   */
  push(outcome: { cell: string; atMs: number; reward: number; weight: number }): number {
    const { cell, atMs, reward, weight } = outcome;
    this.#turnTo(Math.floor(atMs / dayMs));
    const hour = Math.floor((atMs % dayMs) / hourMs);
    const effect = this.#effectOf(hour);
    const { recent, ever } = this.#cells.get(cell) ?? { recent: noSums(), ever: noSums() };
    const expected =
      recent.weight >= cellWeightMin ? recent.total / recent.weight + effect : reward;
    add(recent, reward - effect, weight);
    add(ever, reward, weight);
    add(this.#today[hour] as Sums, reward - ever.total / ever.weight, weight);
    this.#cells.set(cell, { recent, ever });
    return Math.min(Math.max(expected, 0), 1);
  }

  /** After a change, the means are to be found anew; the hours stay. */
  restart(): void {
    for (const [name, { ever }] of this.#cells) this.#cells.set(name, { recent: noSums(), ever });
  }

  /** How far an hour is from the whole day: that all are lower is no matter of the hour. */
  #effectOf(hour: number): number {
    const whole = noSums();
    for (const { weight, total } of this.#earlier) {
      whole.weight += weight;
      whole.total += total;
    }
    if (whole.weight === 0) return 0;
    const { weight, total } = this.#earlier[hour] as Sums;
    return (total - (weight * whole.total) / whole.weight) / (weight + hourStrength);
  }

  #turnTo(day: number): void {
    if (!(day > this.#day)) return;
    const kept = keptPerDay ** (day - this.#day);
    this.#earlier.forEach((sums, hour) => {
      const { weight, total } = this.#today[hour] as Sums;
      sums.weight = (sums.weight + weight) * kept;
      sums.total = (sums.total + total) * kept;
    });
    this.#today = hours();
    this.#day = day;
  }
}

function noSums(): Sums {
  return { weight: 0, total: 0 };
}

function hours(): readonly Sums[] {
  return Array.from({ length: 24 }, noSums);
}

function add(sums: Sums, value: number, weight: number): void {
  sums.weight += weight;
  sums.total += weight * value;
}
