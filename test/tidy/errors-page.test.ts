import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorCodes, statusCode, statusName } from "../../src/rpc/status.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/reference/errors.md"), "utf8");

/** Rooms whose errors can reach a client or end the start of the process. */
const rooms = ["adapters", "app", "bandit", "concurrency", "domain", "rpc", "service"];

/** Made of parts (`${kind}_NOT_FOUND` in the catalogue), so that no text of the source spells them. */
const composedReasons = ["POLICY_NOT_FOUND", "PARENT_VARIANT_NOT_FOUND"];

/** First cells of the rows under a heading, without their back-quotes. */
function names(heading: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return [...section.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name ?? "");
}

function reasonsInSource(): string[] {
  const found = new Set(composedReasons);
  for (const room of rooms) {
    for (const file of readdirSync(join(root, "src", room), { recursive: true })) {
      const path = join(root, "src", room, String(file));
      if (!path.endsWith(".ts")) continue;
      const text = readFileSync(path, "utf8");
      for (const [, expression] of text.matchAll(/\breason:([^,}]*)/g)) {
        for (const [, reason] of (expression ?? "").matchAll(/"([A-Z][A-Z_]+)"/g)) {
          found.add(reason ?? "");
        }
      }
    }
  }
  return [...found].sort();
}

describe("docs/reference/errors.md", () => {
  it("has every status a call can end with, and no other", () => {
    const statuses = errorCodes.map((code) => statusName(statusCode(code)));
    expect(names("Status codes").sort()).toEqual(statuses.sort());
  });

  it("has every reason in the source, once, and no other", () => {
    const documented = [
      ...names("Reasons of a call"),
      ...names("Reasons at the start of the process"),
    ];
    expect(documented.sort()).toEqual(reasonsInSource());
  });

  it("gives every reason a status of the table above it", () => {
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| `([A-Z_]+)` \|/gm)];
    const statuses = new Set(names("Status codes"));
    expect(rows.length).toBeGreaterThan(30);
    expect(rows.filter(([, , status]) => !statuses.has(status ?? ""))).toEqual([]);
  });
});
