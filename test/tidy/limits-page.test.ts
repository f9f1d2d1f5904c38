import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type DescFile, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { configReference } from "../../src/app/config.ts";
import { field as fieldRules } from "../../src/gen/buf/validate/validate_pb.ts";
import { classShares } from "../../src/service/admission/admission.ts";

const root = join(import.meta.dirname, "../..");
const contract = await Promise.all(
  readdirSync(join(root, "src/gen/bandit/v1")).map(async (name): Promise<DescFile> => {
    const module = await import(join(root, "src/gen/bandit/v1", name));
    return module[`file_bandit_v1_${name.replace("_pb.ts", "")}`];
  }),
);
const page = readFileSync(join(root, "docs/operating/limits.md"), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );

const units: Readonly<Record<string, number>> = {
  "": 1,
  ms: 1,
  s: 1_000,
  min: 60_000,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
};

/** `4 MiB` → 4194304, `30 s` → 30000. */
function quantityOf(text: string): number {
  const parts = /^([\d,.]+) ?(\w*)$/.exec(text);
  const unit = units[parts?.[2] ?? "none"];
  if (parts === null || unit === undefined) throw new Error(`not a value: ${text}`);
  return Number(parts[1]?.replaceAll(",", "")) * unit;
}

/** The value of `const name = …;` in a source file: numbers, products and powers. */
function constantIn(file: string, name: string): number {
  const source = readFileSync(join(root, "src", file), "utf8");
  const expression = new RegExp(`^(?:export )?const ${name} = ([\\d_ *]+);$`, "m").exec(
    source,
  )?.[1];
  if (expression === undefined) throw new Error(`${file} has no constant ${name}`);
  return expression
    .replaceAll("_", "")
    .split(/(?<!\*) \* (?!\*)/)
    .map((factor) => factor.split(" ** ").map(Number))
    .reduce((product, [base = 0, exponent = 1]) => product * base ** exponent, 1);
}

describe("the page of limits", () => {
  const sourced = rows.flatMap(([, value = "", , , source = ""]) => {
    const parts = /^`([\w/-]+\.ts)` `(\w+)`$/.exec(source);
    return parts === null ? [] : [{ value, file: parts[1] as string, name: parts[2] as string }];
  });

  it("names many bounds (negative control of the reading)", () => {
    expect(sourced.length).toBeGreaterThan(30);
    expect(quantityOf("16 KiB")).toBe(16_384);
    expect(constantIn("ports/outbox-bounds.ts", "stepBytesMax")).toBe(8 * 2 ** 20);
    expect(() => constantIn("ports/outbox-bounds.ts", "noSuchBound")).toThrow();
  });

  it.each(sourced)("tells the value of $file $name", ({ value, file, name }) => {
    expect(quantityOf(value)).toBe(constantIn(file, name));
  });

  it("tells the share of each class", () => {
    const told = rows.flatMap(([name = "", , share = ""]) => {
      const requestClass = /^`(control|report|select)`$/.exec(name)?.[1];
      return requestClass === undefined ? [] : [[requestClass, Number.parseInt(share, 10) / 100]];
    });
    expect(Object.fromEntries(told)).toEqual(classShares);
  });

  it("names settings and metrics that there are", () => {
    const settings = new Set(configReference().map(({ name }) => name));
    for (const [name] of page.matchAll(/BANDIT_\w+/g)) expect(settings).toContain(name);
    const declared = readFileSync(join(root, "src/ports/telemetry.ts"), "utf8");
    for (const [, name] of page.matchAll(/`(bandit_[a-z_]+)/g)) expect(declared).toContain(name);
  });

  it("lists every bound of a request's field with its number, and no other", () => {
    const told = rows.flatMap(([name = "", bound = ""]) => {
      const field = /^`([A-Z]\w+\.\w+)`$/.exec(name)?.[1];
      return field === undefined ? [] : [[field, Number(bound.replaceAll(",", ""))] as const];
    });
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(fieldBounds()));
  });
});

/** Largest number of characters, entries or pairs of each field that has one. */
function fieldBounds(): [string, number][] {
  const bounds: [string, number][] = [];
  const read = (message: DescMessage): void => {
    for (const field of message.fields) {
      const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules).type : undefined;
      const bound =
        rules?.case === "string"
          ? rules.value.maxLen
          : rules?.case === "repeated"
            ? rules.value.maxItems
            : rules?.case === "map"
              ? rules.value.maxPairs
              : 0n;
      if (bound > 0n) bounds.push([`${message.name}.${field.name}`, Number(bound)]);
    }
    for (const nested of message.nestedMessages) read(nested);
  };
  for (const file of contract) for (const message of file.messages) read(message);
  return bounds;
}
