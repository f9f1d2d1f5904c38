import { describe, expect, it } from "vitest";
import type { Terminal } from "../../../../src/cli/terminal.ts";
import { describeRate, Progress } from "../../../../src/cli/text/progress.ts";

class FakeTerminal implements Terminal {
  readonly errIsScreen: boolean;
  written = "";
  timeMs = 0;
  constructor(errIsScreen: boolean) {
    this.errIsScreen = errIsScreen;
  }
  out(): void {
    throw new Error("progress belongs on err");
  }
  err(text: string): void {
    this.written += text;
  }
  monotonicMs(): number {
    return this.timeMs;
  }
  nowMs(): number {
    return this.timeMs;
  }
  readInput(): AsyncIterable<string> {
    throw new Error("progress reads nothing");
  }
  waitForStop(): Promise<string> {
    throw new Error("progress waits for nobody");
  }
  endWithin(): void {
    throw new Error("progress ends nothing");
  }
}

describe("progress", () => {
  it("is silent for work that takes less than two seconds where nobody watches", () => {
    const terminal = new FakeTerminal(false);
    const progress = new Progress(terminal);
    terminal.timeMs = 1900;
    progress.update(() => "half");
    expect(terminal.written).toBe("");
    terminal.timeMs = 2000;
    progress.update(() => "done");
    expect(terminal.written).toBe("done\n");
  });

  it("rewrites one line on a screen and leaves nothing of a longer one behind", () => {
    const terminal = new FakeTerminal(true);
    const progress = new Progress(terminal);
    for (const [timeMs, text] of [
      [100, "a longer line"],
      [150, "dropped"],
      [220, "short"],
    ] as const) {
      terminal.timeMs = timeMs;
      progress.update(() => text);
    }
    expect(terminal.written).toBe(`\ra longer line\r${"short".padEnd("a longer line".length)}`);
    progress.clear();
    expect(terminal.written.endsWith("\r")).toBe(true);
  });

  it("says how much is left", () => {
    expect(describeRate({ done: 1234, total: 5000, noun: "tasks", elapsedMs: 2000 })).toBe(
      "1,234 of 5,000 tasks, 617/s, about 7 s left",
    );
    expect(describeRate({ done: 0, total: 5, noun: "tasks", elapsedMs: 0 })).toBe("0 of 5 tasks");
  });
});
