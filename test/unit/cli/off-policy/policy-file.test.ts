import { describe, expect, it } from "vitest";
import {
  candidateFrom,
  needsServedArms,
  policyFileFrom,
} from "../../../../src/cli/off-policy/policy-file.ts";

const parse = (content: unknown) => policyFileFrom(content, "p.json");

/** Shares by arm in the context cells asked for. */
function sharesOf(
  content: unknown,
  log: { contextColumns: readonly string[]; servedArms?: readonly string[] },
  label: string,
) {
  const { contextColumns, servedArms = [] } = log;
  const candidate = candidateFrom(parse(content), { contextColumns, servedArms });
  const shares = candidate.sharesIn(label);
  return shares && Object.fromEntries(candidate.arms.map((arm, at) => [arm, shares[at]]));
}

describe("a policy file", () => {
  it("with shares is the same in every context", () => {
    const policy = { shares: { a: 0.3, b: 0.7 } };
    for (const label of ["", "x", "x,y"]) {
      expect(sharesOf(policy, { contextColumns: ["c", "d"] }, label)).toEqual({ a: 0.3, b: 0.7 });
    }
  });

  it("that is uniform needs the arms of the log and shares equally among them", () => {
    const policy = { uniform: true };
    expect(needsServedArms(parse(policy))).toBe(true);
    expect(needsServedArms(parse({ shares: { a: 1 } }))).toBe(false);
    const log = { contextColumns: [], servedArms: ["a", "b", "c", "d"] };
    expect(sharesOf(policy, log, "")).toEqual({ a: 0.25, b: 0.25, c: 0.25, d: 0.25 });
  });

  it("by a column has its own shares for every value, and others for the rest", () => {
    const policy = {
      by: ["position"],
      cells: { 1: { shares: { a: 1 } }, 2: { uniform: true } },
      otherwise: { shares: { b: 0.5, c: 0.5 } },
    };
    const log = { contextColumns: ["position"], servedArms: ["a", "d"] };
    expect(sharesOf(policy, log, "1")).toEqual({ a: 1, d: 0, b: 0, c: 0 });
    expect(sharesOf(policy, log, "2")).toEqual({ a: 0.5, d: 0.5, b: 0, c: 0 });
    expect(sharesOf(policy, log, "3")).toEqual({ a: 0, d: 0, b: 0.5, c: 0.5 });
  });

  it("refuses a value of the log that looks like one of its cells and is another", () => {
    const policy = {
      by: ["kind"],
      cells: { é: { shares: { a: 1 } } },
      otherwise: { uniform: true },
    };
    const log = { contextColumns: ["kind"], servedArms: ["b"] };
    expect(sharesOf(policy, log, "É")).toEqual({ a: 0, b: 1 });
    expect(() => sharesOf(policy, log, "e\u0301")).toThrow(
      'the log holds "e\\u{301}", which looks like "\\u{E9}" in cells of the policy',
    );
  });

  it("by columns finds its cell whatever else and in whatever order the context holds", () => {
    const policy = {
      by: ["kind", "size"],
      cells: { "x,small": { shares: { a: 1 } }, "y,large": { shares: { b: 1 } } },
    };
    const log = { contextColumns: ["size", "day", "kind"] };
    expect(sharesOf(policy, log, "small,Monday,x")).toEqual({ a: 1, b: 0 });
    expect(sharesOf(policy, log, "large,Friday,y")).toEqual({ a: 0, b: 1 });
    expect(sharesOf(policy, log, "large,Friday,x")).toBeUndefined();
  });

  it("by a single column may name values with commas", () => {
    const policy = { by: ["kind"], cells: { "a, b": { shares: { x: 1 } } } };
    expect(sharesOf(policy, { contextColumns: ["kind"] }, "a, b")).toEqual({ x: 1 });
  });

  const onlyA = { shares: { a: 1 } };

  it.each<[unknown, string]>([
    [[1], "the policy: must be an object"],
    [null, "the policy: must be an object"],
    [{}, "it must have either shares or uniform"],
    [{ ...onlyA, uniform: true }, "it must have either"],
    [{ uniform: false }, "uniform: can only be true"],
    [{ share: { a: 1 } }, "share: unknown field"],
    [{ shares: { a: "1" } }, 'shares["a"]: must be a number'],
    [{ shares: { a: -0.1, b: 1.1 } }, 'shares["a"]: must be a number from 0 to 1'],
    [{ shares: { a: 0.3, b: 0.6 } }, "shares: the shares add up to 0.89"],
    [{ shares: {} }, "shares: the shares add up to 0"],
    [{ cells: { x: onlyA } }, "by: must be a list"],
    [{ by: ["c"] }, "cells: must be an object"],
    [{ by: [], cells: {} }, "by: must be a list"],
    [{ by: [1], cells: {} }, "by: must be a list"],
    [{ by: ["c", "c"], cells: {} }, "by: names a column twice"],
    [{ by: ["c"], cells: {} }, "cells: has no cell"],
    [{ by: ["c"], cells: { x: { shares: { a: 2 } } } }, 'cells["x"].shares["a"]: must be'],
    [{ by: ["c", "d"], cells: { x: onlyA } }, 'cells["x"]: names 1 values for the 2 columns c, d'],
    [{ by: ["c"], cells: {}, otherwise: { uniforn: true } }, "otherwise.uniforn: unknown field"],
    [{ by: ["c"], cells: {}, ...onlyA }, "shares: unknown field"],
  ])("is refused that is %j, naming the field", (content, message) => {
    expect(() => parse(content)).toThrow(`p.json: ${message}`);
  });

  it("may have shares whose sum is off by rounding", () => {
    const shares = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`a${at}`, 1 / 30]));
    expect(() => parse({ shares })).not.toThrow();
  });
});
