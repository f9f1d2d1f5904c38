import { expect, it } from "vitest";
import { SeenTexts } from "../../../../src/cli/logs/seen-texts.ts";

it("tells texts that have been before from 300,000 new ones that differ in a digit", () => {
  const seen = new SeenTexts();
  const texts = Array.from({ length: 300_000 }, (_, at) => `019a1b2c-3d4e-7f50-8a6b-${at}`);
  expect(texts.filter((text) => seen.add(text))).toEqual([]);
  expect(texts.filter((text) => !seen.add(text))).toEqual([]);
  expect(["", "\0", "é"].filter((text) => seen.add(text))).toEqual([]);
  expect(seen.add("")).toBe(true);
});
