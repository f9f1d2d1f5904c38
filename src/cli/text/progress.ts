import type { Terminal } from "../terminal.ts";

const screenIntervalMs = 100;
const plainIntervalMs = 2000;

/**
 * How far a long command is, on `err`: one line that is rewritten on a screen, a new line every two
 * seconds elsewhere. Nothing is printed before the first interval has passed, so that quick commands
 * stay quiet where nobody watches.
 */
export class Progress {
  readonly #terminal: Terminal;
  readonly #startedMs: number;
  #printedMs: number;
  #width = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#startedMs = terminal.monotonicMs();
    this.#printedMs = this.#startedMs;
  }

  /** Cheap when called too often: `describe` is only called when a line is due. */
  update(describe: () => string): void {
    const nowMs = this.#terminal.monotonicMs();
    const interval = this.#terminal.errIsScreen ? screenIntervalMs : plainIntervalMs;
    if (nowMs - this.#printedMs < interval) return;
    this.#printedMs = nowMs;
    this.#print(describe());
  }

  /** A line that is printed whatever the interval. */
  step(text: string): void {
    this.clear();
    this.#terminal.err(`${text}\n`);
    this.#printedMs = this.#terminal.monotonicMs();
  }

  /** Takes the rewritten line away. */
  clear(): void {
    if (this.#width > 0) this.#terminal.err(`\r${" ".repeat(this.#width)}\r`);
    this.#width = 0;
  }

  elapsedMs(): number {
    return this.#terminal.monotonicMs() - this.#startedMs;
  }

  #print(text: string): void {
    if (!this.#terminal.errIsScreen) {
      this.#terminal.err(`${text}\n`);
      return;
    }
    this.#terminal.err(`\r${text.padEnd(this.#width)}`);
    this.#width = text.length;
  }
}

/** e.g. `1,234 of 5,000 tasks, 617/s, about 6 s left`. */
export function describeRate(parts: {
  done: number;
  total: number;
  noun: string;
  elapsedMs: number;
}): string {
  const perSecond = parts.elapsedMs > 0 ? (parts.done / parts.elapsedMs) * 1000 : 0;
  const done = `${integer(parts.done)} of ${integer(parts.total)} ${parts.noun}`;
  if (perSecond === 0) return done;
  const left = Math.ceil((parts.total - parts.done) / perSecond);
  return `${done}, ${integer(perSecond)}/s, about ${left} s left`;
}

/** A number of things, e.g. `1,234 rows`. @param noun of one of them */
export function counted(count: number, noun: string): string {
  return `${integer(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Whole number with thousands separated. */
export function integer(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
