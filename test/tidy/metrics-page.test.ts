import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { counters, gauges, timings } from "../../src/adapters/system/metric-table.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/operating/metrics.md"), "utf8");
const runbook = readFileSync(join(root, "docs/operating/reliability.md"), "utf8");
const declared = Object.entries({ ...counters, ...timings, ...gauges });

/** Rows `| \`metric\` | labels | meaning | alert |`. */
const rows = [...page.matchAll(/^\| `(bandit_\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)].map(
  ([, name = "", labels = "", meaning = "", alert = ""]) => ({ name, labels, meaning, alert }),
);

/** As a heading's link is made: lower case, spaces to hyphens, everything else but letters, digits and _ left out. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, "")
    .trim()
    .replace(/\s/g, "-");
}

describe("docs/operating/metrics.md", () => {
  it("has every metric once, and no other", () => {
    expect(rows.map(({ name }) => name).sort()).toEqual(declared.map(([name]) => name).sort());
  });

  it("has the labels of each", () => {
    for (const { name, labels } of rows) {
      const known = declared.find(([candidate]) => candidate === name)?.[1].labels;
      expect([name, ...[...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label)]).toEqual([
        name,
        ...(known ?? []),
      ]);
    }
  });

  it("says of each what it means and when to look", () => {
    expect(rows.filter(({ meaning }) => meaning.trim().length < 10)).toEqual([]);
    expect(rows.filter(({ alert }) => !/^(info|warn|page)/.test(alert.trim()))).toEqual([]);
  });

  it("names no metric in an expression that does not exist", () => {
    const names = new Set(declared.map(([name]) => name));
    const used = [...page.matchAll(/\bbandit_[a-z_]+[a-z]/g)].map(([name]) =>
      name.replace(/_bucket$/, ""),
    );
    expect(used.filter((name) => !names.has(name))).toEqual([]);
  });

  it("links to entries of the runbook that exist", () => {
    const anchors = new Set(
      [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, text]) => anchorOf(text ?? "")),
    );
    const links = [...page.matchAll(/reliability\.md#([\w-]+)/g)].map(([, anchor]) => anchor ?? "");
    expect(links.length).toBeGreaterThan(8);
    expect(links.filter((anchor) => !anchors.has(anchor))).toEqual([]);
  });
});
