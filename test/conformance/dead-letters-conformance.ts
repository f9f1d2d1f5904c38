import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DeadLetter, DeadLetterStore } from "../../src/ports/dead-letters.ts";

interface DeadLettersUnderTest {
  readonly deadLetters: DeadLetterStore;
  close(): Promise<void>;
}

const failedAtMs = Date.now() - (Date.now() % 1_000) + 123;
const idOf = (number: number) => number.toString(16).padStart(32, "0");

export function sampleLetter(number: number, change: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: idOf(number),
    kind: "outcomes",
    content: JSON.stringify({ outcome_id: `o-${number}`, comment: 'it\'s \\ "quoted" ä {x}' }),
    error: "Cannot parse UUID",
    failedAtMs,
    attempts: 1,
    ...change,
  };
}

/** What every {@link DeadLetterStore} promises. */
export function describeDeadLetters(name: string, open: () => Promise<DeadLettersUnderTest>): void {
  describe(`dead letters on ${name}`, () => {
    let opened: DeadLettersUnderTest;
    let letters: DeadLetterStore;
    beforeAll(async () => {
      opened = await open();
      letters = opened.deadLetters;
    });
    afterAll(() => opened.close());
    beforeEach(async () => {
      let page = await letters.list({ limit: 1_000 });
      while (page.length > 0) {
        await letters.resolve(
          page.map(({ id }) => id),
          "dropped",
        );
        page = await letters.list({ limit: 1_000 });
      }
    });
    const ids = async (options: Partial<Parameters<DeadLetterStore["list"]>[0]> = {}) =>
      (await letters.list({ limit: 1_000, ...options })).map(({ id }) => id);

    test("a letter is found as it was added, and listed without its content", async () => {
      const letter = sampleLetter(1);
      await letters.add([letter]);
      expect(await letters.find(letter.id)).toEqual(letter);
      const { content, ...rest } = letter;
      expect(await letters.list({ limit: 10 })).toEqual([
        { ...rest, contentBytes: Buffer.byteLength(content) },
      ]);
      expect(await letters.count()).toBe(1);
    });

    test("a letter that was never added is not found", async () => {
      expect(await letters.find(idOf(404))).toBeUndefined();
      expect(await letters.resolve([idOf(404)], "dropped")).toEqual([]);
      expect(await letters.count()).toBe(0);
    });

    test("adding a letter again, together with itself or later, makes no second one", async () => {
      await letters.add([sampleLetter(1), sampleLetter(1)]);
      await letters.add([sampleLetter(1, { error: "another" })]);
      expect(await letters.count()).toBe(1);
      expect(await letters.find(idOf(1))).toMatchObject({ error: "another", attempts: 1 });
    });

    test("attempts grow, and never become fewer while the letter is dead", async () => {
      await letters.add([sampleLetter(1, { attempts: 3 })]);
      await letters.add([sampleLetter(1, { attempts: 1 })]);
      expect((await letters.find(idOf(1)))?.attempts).toBe(3);
      await letters.resolve([idOf(1)], "replayed");
      await letters.add([sampleLetter(1, { attempts: 1 })]);
      expect((await letters.find(idOf(1)))?.attempts).toBe(1);
    });

    test.each(["replayed", "dropped"] as const)(
      "a letter that was %s is gone, also when it is resolved twice, and dead again when added again",
      async (how) => {
        await letters.add([sampleLetter(1), sampleLetter(2)]);
        expect(await letters.resolve([idOf(1), idOf(404)], how)).toEqual([idOf(1)]);
        expect(await letters.resolve([idOf(1)], how)).toEqual([]);
        expect(await ids()).toEqual([idOf(2)]);
        expect(await letters.find(idOf(1))).toBeUndefined();
        expect(await letters.count()).toBe(1);
        await letters.add([sampleLetter(1)]);
        expect(await ids()).toEqual([idOf(1), idOf(2)]);
      },
    );

    test("pages by id, of one kind or of all", async () => {
      const numbers = [7, 3, 9, 1, 5];
      await letters.add(
        numbers.map((number) =>
          sampleLetter(number, { kind: number > 4 ? "spooled" : "decisions" }),
        ),
      );
      expect(await ids({ limit: 2 })).toEqual([idOf(1), idOf(3)]);
      expect(await ids({ limit: 2, afterId: idOf(3) })).toEqual([idOf(5), idOf(7)]);
      expect(await ids({ afterId: idOf(9) })).toEqual([]);
      expect(await ids({ kind: "spooled" })).toEqual([idOf(5), idOf(7), idOf(9)]);
      expect(await ids({ kind: "spooled", afterId: idOf(5), limit: 1 })).toEqual([idOf(7)]);
      expect(await ids({ kind: "generations" })).toEqual([]);
      expect(await letters.count()).toBe(5);
    });

    test("2,500 letters are added, listed and resolved", async () => {
      await letters.add(Array.from({ length: 2_500 }, (_, number) => sampleLetter(number)));
      expect(await letters.count()).toBe(2_500);
      const first = await ids();
      expect(first).toHaveLength(1_000);
      await letters.resolve(first, "dropped");
      expect(await letters.count()).toBe(1_500);
    });

    test("a content of a mebibyte, and one that is no valid text, are kept", async () => {
      const large = sampleLetter(1, {
        content: JSON.stringify({ content: "ä\n".repeat(2 ** 19) }),
      });
      const broken = sampleLetter(2, { content: '{"x": "\ud800"}', error: "\udc00" });
      await letters.add([large, broken]);
      expect((await letters.find(idOf(1)))?.content === large.content).toBe(true);
      expect(await letters.find(idOf(2))).toMatchObject({ content: '{"x": "�"}', error: "�" });
    });

    test("an id that is none is a bug, and reaches no statement", async () => {
      await expect(letters.resolve(["' OR 1"], "dropped")).rejects.toThrow("invariant");
    });
  });
}
