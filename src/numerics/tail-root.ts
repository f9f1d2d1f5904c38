/** How a tail compares with its target at a position, with derivatives by the position's logarithm. */
export interface TailFit {
  /** ln(tail / target); −Infinity where the tail underflows. */
  readonly excess: number;
  /** d ln(tail): positive for a lower tail, negative for an upper one, NaN where it underflows. */
  readonly slope: number;
  /** d² ln(tail), divided by `slope`. */
  readonly bend: number;
}

const iterationsMax = 200;

/**
 * The position > 0 at which a tail has its target, by Halley's method on the logarithms of both, kept
 * inside a bracket and replaced by a bisection where it leaves it. Log tails of the gamma and beta
 * distributions are concave in ln x and logit x, so this converges from every start; from the starts
 * used here in 1 to 9 steps.
 *
 * `low` > 0 and `high` bound the root; `high` may be Infinity. A start outside is moved to the nearer one.
 */
export function findTailRoot(options: {
  readonly tail: "lower" | "upper";
  readonly start: number;
  readonly low: number;
  readonly high: number;
  readonly fitAt: (position: number) => TailFit;
}): number {
  const { fitAt, tail } = options;
  let { low, high } = options;
  let position = Math.min(Math.max(options.start, low), high);
  for (let iteration = 0; iteration < iterationsMax; iteration += 1) {
    const { excess, slope, bend } = fitAt(position);
    if (excess === 0) return position;
    if (excess > 0 === (tail === "lower")) high = position;
    else low = position;
    const newton = -excess / slope;
    const damping = 1 + 0.5 * newton * bend;
    const step = damping > 0.5 ? newton / damping : newton;
    const next = position * Math.exp(step);
    // What Halley's method leaves over is of the third order in these.
    if (Math.abs(step) * Math.max(1, Math.abs(slope), Math.abs(bend)) < 1e-5) return next;
    position = next > low && next < high ? next : middle(low, high);
    if (!(position > low && position < high)) return position;
  }
  return position;
}

/** Halfway on the logarithmic scale. */
function middle(low: number, high: number): number {
  return high === Number.POSITIVE_INFINITY ? 4 * low : Math.sqrt(low) * Math.sqrt(high);
}

/** ln(tail / target) without overflow, and to full precision where the two are close. */
export function logExcess(tail: number, target: number): number {
  const relative = (tail - target) / target;
  return Math.abs(relative) < 0.5 ? Math.log1p(relative) : Math.log(tail) - Math.log(target);
}
