import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { unitInterval } from "../../../src/bandit/draw.ts";

it("draws the numbers that docs/concepts/allocation.md promises to other languages", () => {
  const page = readFileSync(
    new URL("../../../docs/concepts/allocation.md", import.meta.url),
    "utf8",
  );
  const rows = [...page.matchAll(/^\| `([0-9a-f]{32})` \| (\d+) \| ([0-9.]+) \|$/gm)];
  expect(rows.length).toBeGreaterThanOrEqual(5);
  for (const [, id, salt, unit] of rows) {
    expect(unitInterval(Buffer.from(id as string, "hex"), Number(salt))).toBe(Number(unit));
  }
});
