import { describe, expect, it } from "vitest";
import {
  type Allocation,
  baselineAllocation,
  makeAllocation,
} from "../../../src/bandit/allocation.ts";
import { armAt, type Draw, draw, unitInterval } from "../../../src/bandit/draw.ts";
import { murmurHash3 } from "../../../src/bandit/murmur-hash-3.ts";
import { parseVariantId } from "../../../src/domain/ids.ts";
import { type DrawReference, readReference } from "../../fixtures/reference/read-reference.ts";

const a = parseVariantId("t/a@1");
const b = parseVariantId("t/b@1");
const c = parseVariantId("t/c@1");
const foreign = parseVariantId("t/z@1");

function allocation(shares: readonly number[], holdoutShare = 0, baselineIndex = 1): Allocation {
  return makeAllocation({
    variantIds: [a, b, c],
    baselineIndex,
    holdoutShare,
    shares: Float64Array.from(shares),
  });
}

function idOf(number: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

describe("unitInterval", () => {
  const { hashes, vectors } = readReference<DrawReference>("draw.json");

  it("hashes as the reference implementation of MurmurHash3 does", () => {
    for (const { text, seed, hash } of hashes) {
      expect(murmurHash3(new TextEncoder().encode(text), seed)).toBe(hash);
    }
  });

  it("gives the committed test vectors, which other languages repeat", () => {
    for (const { id, salt, unit } of vectors) {
      expect(unitInterval(Buffer.from(id, "hex"), salt)).toBe(unit);
    }
  });

  it("does not give them with another order of the two hashes (negative control)", () => {
    const swapped = (id: Uint8Array, salt: number) => unitInterval(id, salt ^ 0x9e3779b9);
    expect(
      vectors.every(({ id, salt, unit }) => swapped(Buffer.from(id, "hex"), salt) === unit),
    ).toBe(false);
  });
});

describe("armAt", () => {
  it("gives an arm without probability to nobody, at either end and in the middle", () => {
    const upper = Float64Array.of(0, 0.25, 0.25, 1 - 2 ** -52, 1 - 2 ** -52);
    expect(armAt(upper, 0)).toBe(1);
    expect(armAt(upper, 0.25)).toBe(3);
    expect(armAt(upper, 1 - 2 ** -53)).toBe(3);
  });
});

/** What 500 ids draw. */
const drawMany = (from: Allocation) =>
  Array.from({ length: 500 }, (_, number) => draw(from, idOf(number)) as Draw);

describe("draw", () => {
  it("is re-derived from the logged probabilities and the id alone, with holdout and without", () => {
    for (const holdoutShare of [0, 0.3]) {
      for (const made of drawMany(allocation([0.5, 0.2, 0.3], holdoutShare))) {
        let sum = 0;
        const upper = [...made.probabilities].map((probability) => {
          sum += probability;
          return sum;
        });
        expect(upper.findIndex((bound) => made.unit < bound)).toBe(made.index);
        expect(made.propensity).toBe(made.probabilities[made.index]);
      }
    }
  });

  it("says exploit for the largest share and every tie of it, explore for the rest", () => {
    const drawn = drawMany(allocation([0.4, 0.2, 0.4]));
    const seen = new Set(drawn.map(({ variantId, source }) => `${variantId} ${source}`));
    expect([...seen].toSorted()).toEqual([`${a} exploit`, `${b} explore`, `${c} exploit`]);
  });

  it("judges exploit by the shares before the holdout", () => {
    // The holdout makes the baseline the likeliest arm; it is still not the best one.
    const drawn = drawMany(allocation([0.6, 0.2, 0.2], 0.5));
    const ofBaseline = drawn.filter(({ variantId }) => variantId === b);
    expect(new Set(ofBaseline.map(({ source }) => source))).toEqual(
      new Set(["holdout", "explore"]),
    );
  });

  it("scales the allowed arms up and drops the holdout without the baseline", () => {
    const made = draw(allocation([0.6, 0.3, 0.1], 0.2), idOf(1), [c, foreign, b, c]);
    expect(made?.variantIds).toEqual([b, c]);
    expect(made?.probabilities[0]).toBeCloseTo(0.2 + 0.8 * 0.75, 14);
    expect(made?.probabilities[1]).toBeCloseTo(0.8 * 0.25, 14);
    const without = draw(allocation([0.6, 0.3, 0.1], 0.2), idOf(1), [a, c]);
    expect(without?.probabilities[0]).toBeCloseTo(6 / 7, 14);
    expect(without?.probabilities[1]).toBeCloseTo(1 / 7, 14);
  });

  it("shares equally among allowed arms that all have nothing", () => {
    const made = draw(baselineAllocation([a, b, c], 1), idOf(1), [a, c]);
    expect([...(made?.probabilities ?? [])]).toEqual([0.5, 0.5]);
    expect(made?.source).toBe("exploit");
  });

  it("gives undefined when no allowed id is an arm", () => {
    expect(draw(allocation([0.6, 0.3, 0.1]), idOf(1), [foreign])).toBeUndefined();
    expect(draw(allocation([0.6, 0.3, 0.1]), idOf(1), [])).toBeUndefined();
  });
});

describe("the version of an allocation", () => {
  const reference = allocation([0.5, 0.2, 0.3], 0.1);

  it("is the same for the same content, and is 16 hexadecimal digits", () => {
    expect(reference.version).toMatch(/^[0-9a-f]{16}$/);
    expect(allocation([0.5, 0.2, 0.3], 0.1).version).toBe(reference.version);
    // Pinned: a change of the fingerprint would give every stored decision an unknown version.
    expect(reference.version).toBe("443c2161db05cc97");
  });

  it("differs in the last bit of a probability, the holdout and the baseline", () => {
    const versions = [
      reference,
      allocation([0.5, 0.2 + 2 ** -54, 0.3], 0),
      allocation([0.5, 0.2, 0.3], 0.1 + 2 ** -56),
      allocation([0.5, 0.2, 0.3], 0.1, 2),
      allocation([0.5, 0.2, 0.3], 0),
      allocation([0.5, 0.2, 0.3], 0, 2),
    ].map(({ version }) => version);
    expect(new Set(versions).size).toBe(versions.length);
  });
});
