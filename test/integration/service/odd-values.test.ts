import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClientError } from "../../../src/client/index.ts";
import { engineSets } from "../../support/site.ts";
import { useServed } from "../../support/use-site.ts";

/** Numbers that some format on the way might change. */
const numbers = fc.oneof(
  fc.double({ noNaN: false }),
  fc.constantFrom(
    0,
    -0,
    0.1,
    0.1 + 0.2,
    1 / 3,
    5e-324,
    2 ** 53,
    2 ** 53 + 2,
    1e-7,
    1e21,
    16_777_217,
  ),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_VALUE),
);
/** Mostly what is accepted from `min` to `max`, sometimes what is not. */
const within = (min: number, max: number) =>
  fc.oneof({ weight: 9, arbitrary: fc.double({ min, max, noNaN: true }) }, numbers);
const mostly = <Value>(usual: Value, odd: Value) => fc.constantFrom(...Array(7).fill(usual), odd);
/** Texts that some format might trim, normalise, cut or refuse. */
const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    " ",
    " both ends ",
    "\t\r\n",
    "\0",
    "a\0b",
    "e\u0301",
    "\u00e9",
    "\u2028",
    "😀",
    "\ufeff",
    "\ufffd",
  ),
  fc.constantFrom("null", "NaN", "'; --", '{"a":1}', "\\u0000", "\u001f", "__proto__", "\u202e"),
);
const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    numbers,
    texts,
    fc.constantFrom(null, true, false),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(texts, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

/** The same but for −0, which is 0 to every reader. */
function withoutNegativeZero(value: unknown): unknown {
  if (typeof value === "number") return value === 0 ? 0 : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withoutNegativeZero(member)]),
  );
}

/** @returns what was answered, or undefined when it was refused by a rule that names a field */
async function stored<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    expect(error).toBeInstanceOf(ClientError);
    const { code, reason, violations } = error as ClientError;
    expect({ code, reason }).toEqual({
      code: "invalid_argument",
      reason: expect.stringMatching(/^INVALID_(FIELD|POLICY)$/),
    });
    expect(violations.length).toBeGreaterThan(0);
    return undefined;
  }
}

describe.each(engineSets)(
  "on %s engines what is stored is what was sent, or it is refused and named",
  (engines) => {
    const served = useServed(engines);

    it("a variant", async () => {
      let kept = 0;
      const variants = fc.record(
        {
          description: texts,
          promptTemplate: texts,
          model: texts,
          temperature: fc.oneof(fc.constantFrom(0, 0.1, 2), numbers),
          topP: within(0.1, 1),
          maxTokens: fc.constantFrom(1, 0, 2 ** 31 - 1),
          parameters: fc.dictionary(texts, json, { maxKeys: 4, noNullPrototype: true }),
        },
        { requiredKeys: [] },
      );
      const check = async (content: object): Promise<void> => {
        const call = served.client.createVariant({
          agentType: "evolution",
          variant: { name: "odd", promptTemplate: "x", ...content } as never,
        });
        const variantId = (await stored(call))?.variant?.variantId;
        if (variantId === undefined) return;
        kept += 1;
        const { variant } = await served.client.getVariant({ variantId });
        const { parameters = {}, ...others } = content as { parameters?: object };
        expect(variant).toMatchObject(withoutNegativeZero(others) as object);
        expect(variant?.parameters ?? {}).toEqual(withoutNegativeZero(parameters));
        for (const name of ["temperature", "topP", "maxTokens"] as const) {
          expect(variant?.[name] === undefined).toBe(!(name in content));
        }
      };
      const marked = "\ufefftext";
      const examples: [object][] = [
        [{ description: marked, promptTemplate: marked, model: marked, parameters: { m: marked } }],
      ];
      await fc.assert(fc.asyncProperty(variants, check), { numRuns: 150, examples });
      expect(kept).toBeGreaterThan(20);
    });

    it("a policy", async () => {
      let kept = 0;
      const policies = fc.record(
        {
          holdoutShare: within(0, 0.5),
          explorationShare: within(0, 0.5),
          priorAlpha: within(0.5, 10),
          defaultReward: within(0, 1),
          refreshInterval: mostly({ nanos: 1_000_000 }, { nanos: 1 }),
          forgettingHalfLife: mostly({ seconds: 1n, nanos: 1_000_000 }, { seconds: 1n, nanos: 1 }),
          changeDetection: fc.record({ tolerance: within(0, 1), threshold: within(0, 1e6) }),
          range: fc.record({ min: within(-1e9, 0), max: within(1e-9, 1e9) }),
        },
        { requiredKeys: [] },
      );
      const check = async ({ range = { min: 0, max: 1 }, ...fields }: { range?: object }) => {
        const component = { metric: "odd", weight: 1, ...range };
        const policy = {
          algorithm: { kind: { case: "thompsonSampling", value: {} } },
          reward: { components: [component] },
          ...fields,
        };
        const request = { agentType: "evolution", policy: policy as never };
        if ((await stored(served.client.setPolicy(request))) === undefined) return;
        kept += 1;
        const { record } = await served.client.getPolicy({ agentType: "evolution" });
        expect(record?.policy).toMatchObject(withoutNegativeZero(fields) as object);
        expect(record?.policy?.reward?.components).toMatchObject([withoutNegativeZero(component)]);
      };
      // 1.001 s times 1000 is no whole number, as a double.
      const examples: [object][] = [[{ forgettingHalfLife: { seconds: 1n, nanos: 1_000_000 } }]];
      await fc.assert(fc.asyncProperty(policies, check), { numRuns: 100, examples });
      expect(kept).toBeGreaterThan(20);
    });

    it("a decision and its reports", async () => {
      let kept = 0;
      const reports = fc.record({
        agentId: texts,
        features: fc.dictionary(texts, numbers, { maxKeys: 3, noNullPrototype: true }),
        model: texts,
        codeHash: texts,
        costUsd: within(0, 1e6),
        metric: numbers,
        comment: texts,
        occurredAt: fc.constantFrom({ seconds: 1_700_000_000n, nanos: 7_000_000 }, { seconds: 0n }),
      });
      const check = async (odd: typeof reports extends fc.Arbitrary<infer Odd> ? Odd : never) => {
        const { agentId, features } = odd;
        const request = { agentType: "evolution", codeType: "odd", agentId, features };
        const generationId = (await stored(served.client.selectVariant(request)))?.generationId;
        if (generationId === undefined) return;
        const { model, codeHash, costUsd } = odd;
        const { client } = served;
        const run = { model, codeHash, costUsd };
        const report = await stored(client.recordGeneration({ generationId, ...run }));
        const { occurredAt } = odd;
        const custom = { case: "custom", value: { metrics: { odd: odd.metric } } } as const;
        const about = { generationId, occurredAt };
        const metric = await stored(client.recordOutcome({ ...about, outcome: custom }));
        const words = { case: "rating", value: { overall: 3, comment: odd.comment } } as const;
        const rating = await stored(client.recordOutcome({ ...about, outcome: words }));
        kept += 1;
        const { decision, generation, outcomes } = await served.client.explainGeneration({
          generationId,
        });
        expect(decision?.agentId).toBe(agentId);
        expect(decision?.features).toEqual(withoutNegativeZero(features));
        if (report !== undefined) {
          expect(generation).toMatchObject(withoutNegativeZero(run) as object);
        }
        const metrics = outcomes.find(({ source }) => source === "custom")?.metrics["odd"];
        expect(metrics).toBe(metric === undefined ? undefined : withoutNegativeZero(odd.metric));
        const rated = outcomes.find(({ source }) => source === "user_rating");
        expect(rated?.comment).toBe(rating === undefined ? undefined : odd.comment);
        expect(rated?.occurredAt ?? occurredAt).toMatchObject(occurredAt);
      };
      await fc.assert(fc.asyncProperty(reports, check), { numRuns: 60 });
      expect(kept).toBeGreaterThan(10);
    });

    it("of a batch whose answer would be larger than 4 MiB only what is answered is recorded", async () => {
      await served.client.createAgentType({
        agentType: "large",
        variants: [{ name: "large", promptTemplate: "é".repeat(65_536) }],
      });
      const requests = Array(64).fill({ agentType: "large", codeType: "c" });
      const { results } = await served.client.batchSelectVariants({ requests });
      const answered = results.filter(({ result }) => result.case === "response").length;
      expect(answered).toBeGreaterThan(20);
      expect(answered).toBeLessThan(32);
      const sql = "SELECT count() FROM decisions WHERE agent_type = 'large'";
      const { rows } = await served.client.query({ sql, fresh: true });
      expect(rows[0]?.values[0]?.kind.value).toBe(String(answered));
      const variants = Array.from({ length: 40 }, (_, at) => ({
        name: `v${at}`,
        promptTemplate: "é".repeat(65_536),
      }));
      for (const variant of variants)
        await served.client.createVariant({ agentType: "large", variant });
      const seen: string[] = [];
      for (let pageToken = ""; ; ) {
        const page = await served.client.listVariants({
          agentType: "large",
          pageSize: 1000,
          pageToken,
        });
        expect(page.variants.length).toBeLessThan(32);
        seen.push(...page.variants.map(({ variantId }) => variantId));
        pageToken = page.nextPageToken;
        if (pageToken === "") break;
      }
      expect(new Set(seen).size).toBe(41);
    });
  },
);
