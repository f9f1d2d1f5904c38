import { describe, expect, it } from "vitest";
import { seededRandom, shuffledIndexes } from "../../../../src/cli/simulate/seeded.ts";
import { parseGenerationId } from "../../../../src/domain/ids.ts";

describe("seeded randomness", () => {
  it("repeats itself for the same seed and not for another", () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed);
      return [random.generationId(), ...shuffledIndexes(50, random)].join(" ");
    };
    expect(draw(7)).toBe(draw(7));
    expect(draw(7)).not.toBe(draw(8));
  });

  it("has nothing in common with that of the next seed", () => {
    const seeds = Array.from({ length: 4_000 }, (_, index) => index - 2_000);
    const numbers = seeds.map((seed) => {
      const random = seededRandom(seed);
      return Array.from({ length: 8 }, () => random.fraction() - 0.5);
    });
    for (let draw = 0; draw < 8; draw += 1) {
      const products = numbers
        .slice(1)
        .map((next, at) => (next[draw] as number) * ((numbers[at] as number[])[draw] as number));
      // Each product has mean 0 and standard deviation 1/12: five of them for a false alarm below 1e-5.
      const mean = products.reduce((sum, product) => sum + product, 0) / products.length;
      expect(Math.abs(mean)).toBeLessThan(5 / 12 / Math.sqrt(products.length));
    }
  });

  it("makes distinct generation ids that the service accepts", () => {
    const random = seededRandom(1);
    const ids = Array.from({ length: 10_000 }, () => random.generationId());
    expect(new Set(ids).size).toBe(10_000);
    for (const id of ids) expect(parseGenerationId(id)).toBe(id);
  });

  it("shuffles all indexes, every one to the first place about equally often", () => {
    const random = seededRandom(3);
    const first = new Array<number>(10).fill(0);
    for (let run = 0; run < 10_000; run += 1) {
      const order = shuffledIndexes(10, random);
      expect([...order].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      first[order[0] as number] = (first[order[0] as number] as number) + 1;
    }
    // 1,000 expected, standard deviation 30: five of them leave a false alarm below 1e-5.
    for (const count of first) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
