import { expect, it } from "vitest";
import { contextOf } from "../../../src/bandit/context.ts";

const features = [
  { name: "lines", mean: 200, scale: 100 },
  { name: "depth", mean: 3, scale: 1 },
];

it("is 1 for the intercept and the standardised features in the policy's order", () => {
  expect(contextOf(features, { depth: 5, lines: 150 })).toEqual([1, -0.5, 2]);
});

it("takes a missing feature, and one that is no number, as average, and ignores others", () => {
  expect(contextOf(features, { depth: 4, colour: 9 })).toEqual([1, 0, 1]);
  expect(contextOf(features, { lines: Number.NaN })).toEqual([1, 0, 0]);
  expect(contextOf(features, {})).toEqual([1, 0, 0]);
});

it("takes nothing that a plain object inherits as a feature", () => {
  const inherited = [{ name: "constructor", mean: 0, scale: 1 }];
  expect(contextOf(inherited, {})).toEqual([1, 0]);
});

it("cuts off at ten scales from the mean", () => {
  expect(contextOf(features, { lines: 1e300, depth: -1e300 })).toEqual([1, 10, -10]);
  expect(contextOf(features, { lines: Infinity, depth: -Infinity })).toEqual([1, 10, -10]);
});
