import { expect, test } from "vitest";
import { LoopDelay, sampleIntervalMs } from "../../../../src/service/admission/loop-delay.ts";

/** Runs until there are `count` samples; each timer call finds the clock `latenessMs` after its moment. */
async function samplesOf(latenessMs: number, count: number): Promise<number[]> {
  const samples: number[] = [];
  let nowMs = 1_000;
  const clock = { nowMs: () => 0, monotonicMs: () => nowMs };
  const delay = new LoopDelay({
    clock,
    onSample: (delayMs) => {
      samples.push(delayMs);
      // The next timer is due a whole interval after this.
      nowMs += sampleIntervalMs + latenessMs;
    },
  });
  delay.start();
  nowMs += sampleIntervalMs + latenessMs;
  await expect.poll(() => samples.length).toBeGreaterThanOrEqual(count);
  delay.stop();
  return samples;
}

test("tells how long after its moment the timer was called, and never less than nothing", async () => {
  expect((await samplesOf(35, 1))[0]).toBe(35);
  expect((await samplesOf(0, 1))[0]).toBe(0);
  expect((await samplesOf(-4, 1))[0]).toBe(0);
});

test("measures again and again until it is stopped", async () => {
  expect((await samplesOf(0, 5)).length).toBeGreaterThanOrEqual(5);
});
