import { describe, expect, it } from "vitest";
import type { Terminal } from "../../../../src/cli/terminal.ts";
import { describeRate, Progress } from "../../../../src/cli/text/progress.ts";

/** On as much of a terminal as progress may use. */
function progressOn(options: { errIsScreen: boolean }) {
  const seen = { written: "", timeMs: 0 };
  const terminal: Pick<Terminal, "errIsScreen" | "err" | "monotonicMs"> = {
    ...options,
    err: (text) => {
      seen.written += text;
    },
    monotonicMs: () => seen.timeMs,
  };
  return { seen, progress: new Progress(terminal as Terminal) };
}

describe("progress", () => {
  it("is silent for work that takes less than two seconds where nobody watches", () => {
    const { seen, progress } = progressOn({ errIsScreen: false });
    seen.timeMs = 1900;
    progress.update(() => "half");
    expect(seen.written).toBe("");
    seen.timeMs = 2000;
    progress.update(() => "done");
    expect(seen.written).toBe("done\n");
  });

  it("rewrites one line on a screen and leaves nothing of a longer one behind", () => {
    const { seen, progress } = progressOn({ errIsScreen: true });
    for (const [timeMs, text] of [
      [100, "a longer line"],
      [150, "dropped"],
      [220, "short"],
    ] as const) {
      seen.timeMs = timeMs;
      progress.update(() => text);
    }
    expect(seen.written).toBe(`\ra longer line\r${"short".padEnd("a longer line".length)}`);
    progress.clear();
    expect(seen.written.endsWith("\r")).toBe(true);
  });

  it("says how much is left", () => {
    expect(describeRate({ done: 1234, total: 5000, noun: "tasks", elapsedMs: 2000 })).toBe(
      "1,234 of 5,000 tasks, 617/s, about 7 s left",
    );
    expect(describeRate({ done: 0, total: 5, noun: "tasks", elapsedMs: 0 })).toBe("0 of 5 tasks");
  });
});
