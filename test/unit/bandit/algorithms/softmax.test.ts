import { expect, it } from "vitest";
import { softmaxShares } from "../../../../src/bandit/algorithms/softmax.ts";

it("makes an arm e times as frequent as one whose mean is a temperature lower", () => {
  const [high, middle, low] = softmaxShares([0.6, 0.55, 0.5], 0.05) as unknown as number[];
  expect((high as number) / (middle as number)).toBeCloseTo(Math.E, 12);
  expect((middle as number) / (low as number)).toBeCloseTo(Math.E, 12);
});

it("shares ties equally and is all but greedy when it is cold", () => {
  expect([...softmaxShares([0.5, 0.5, 0.4], 1e-6)]).toEqual([0.5, 0.5, 0]);
  expect([...softmaxShares([1e9, -1e9], 1e-6)]).toEqual([1, 0]);
});
