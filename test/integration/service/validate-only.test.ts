import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { type BanditClient, ClientError, VariantStatus } from "../../../src/client/index.ts";
import { useTwoServed } from "../../support/use-site.ts";

/** One change, as it is tried and as it is made; the etag is read before both. */
interface Change {
  readonly what: string;
  call(client: BanditClient, how: { validateOnly: boolean; etag?: string }): Promise<object>;
  /** Which etag: the right one of what is changed, a wrong one, or none. */
  readonly etag: "right" | "wrong" | "none";
  readEtag?(client: BanditClient): Promise<string | undefined>;
}

/** Of seven, one is odd: most calls are those that are made. */
const mostly = <Value>(usual: fc.Arbitrary<Value>, ...odd: Value[]): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 6, arbitrary: usual }, fc.constantFrom(...odd));
const agentType = mostly(fc.constant("evolution"), "made", "nobody");
const codeType = fc.constantFrom(undefined, "python", "rust");
const etag = fc.constantFrom<Change["etag"][]>("right", "none", "wrong");
const variantId = mostly(
  fc.constantFrom("a@1", "b@1", "baseline-direct@1").map((name) => `evolution/${name}`),
  "evolution/a@9",
  "nobody/a@1",
);
const text = mostly(fc.constantFrom("prompt", "ünï"), "", "nul \u0000");

const policies = fc.record({
  algorithm: mostly<object>(fc.constant({ kind: { case: "thompsonSampling", value: {} } }), {
    kind: { case: "epsilonGreedy", value: { epsilon: 2 } },
  }),
  reward: mostly<object>(
    fc.constant({ components: [{ metric: "test_pass_rate", weight: 1 }] }),
    { components: [{ metric: "pass_rate", weight: 1 }] },
    {
      components: [
        { metric: "coverage", weight: 0.7 },
        { metric: "ci_passed", weight: 0.6 },
      ],
    },
  ),
  holdoutShare: mostly(fc.constantFrom(0, 0.1), 0.6),
  forgettingHalfLife: mostly<object | undefined>(fc.constant(undefined), { seconds: 3600n }),
});

const newVariant = (name: fc.Arbitrary<string>) =>
  fc.record({ name, description: text, promptTemplate: text });

const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ agentType, codeType, policy: policies, etag }).map(
    ({ etag: given, ...request }): Change => ({
      what: `SetPolicy ${JSON.stringify(request, bigIntText)} ${given}`,
      etag: given,
      call: (client, how) => client.setPolicy({ ...request, ...how } as never),
      readEtag: async (client) => (await client.getPolicy(request as never)).record?.etag,
    }),
  ),
  fc.record({ agentType, codeType: fc.constantFrom("python", "rust") }).map(
    (request): Change => ({
      what: `DeletePolicy ${JSON.stringify(request)}`,
      etag: "none",
      call: (client, how) => client.deletePolicy({ ...request, ...how }),
    }),
  ),
  fc
    .record({
      agentType,
      variant: newVariant(mostly(fc.constantFrom("a", "b"), "No name")),
      status: mostly<VariantStatus>(fc.constantFrom(0, 1, 2), 3, 4 as VariantStatus),
      parentId: fc.option(variantId, { nil: undefined }),
    })
    .map(
      ({ variant, parentId, ...request }): Change => ({
        what: `CreateVariant ${JSON.stringify({ ...request, variant, parentId })}`,
        etag: "none",
        call: (client, how) =>
          client.createVariant({ ...request, variant: { ...variant, parentId }, ...how } as never),
      }),
    ),
  fc.record({ variantId, makeBaseline: fc.boolean(), etag }).map(
    ({ etag: given, ...request }): Change => ({
      what: `PromoteVariant ${JSON.stringify(request)} ${given}`,
      etag: given,
      call: (client, how) => client.promoteVariant({ ...request, ...how }),
      readEtag: async (client) => (await client.getVariant(request)).variant?.etag,
    }),
  ),
  fc.record({ variantId, etag }).map(
    ({ etag: given, ...request }): Change => ({
      what: `RetireVariant ${JSON.stringify(request)} ${given}`,
      etag: given,
      call: (client, how) => client.retireVariant({ ...request, ...how }),
      readEtag: async (client) => (await client.getVariant(request)).variant?.etag,
    }),
  ),
  fc
    .record({
      agentType: fc.constantFrom("made", "evolution", "No name"),
      variants: fc.array(newVariant(fc.constantFrom("baseline", "a")), {
        minLength: 1,
        maxLength: 2,
      }),
      policy: fc.option(policies, { nil: undefined }),
    })
    .map(
      (request): Change => ({
        what: `CreateAgentType ${JSON.stringify(request, bigIntText)}`,
        etag: "none",
        call: (client, how) => client.createAgentType({ ...request, ...how } as never),
      }),
    ),
  fc
    .record({
      agentType: fc.option(agentType, { nil: undefined }),
      mode: fc.constantFrom(0, 1, 2, 3),
    })
    .map(
      (request): Change => ({
        what: `SetMode ${JSON.stringify(request)}`,
        etag: "none",
        call: (client, how) => client.setMode({ ...request, ...how } as never),
      }),
    ),
);

function bigIntText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** What a caller is told, but for what only a change that is made has: its etag and its times. */
async function told(call: Promise<object>): Promise<unknown> {
  try {
    return JSON.parse(
      JSON.stringify(await call, (key, value) =>
        ["etag", "createdAt", "updatedAt"].includes(key) ? undefined : bigIntText(key, value),
      ),
    );
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { code: error.code, message: error.message, violations: error.violations };
  }
}

async function everything(client: BanditClient): Promise<unknown> {
  const [types, variants, own, python, mode] = await Promise.all([
    client.listAgentTypes({}),
    client.listVariants({ pageSize: 1000 }),
    client.getPolicy({ agentType: "evolution" }),
    client.getPolicy({ agentType: "evolution", codeType: "python" }),
    client.getMode({}),
  ]);
  return { types, variants, own, python, mode };
}

const clients = useTwoServed();
beforeAll(async () => {
  for (const name of ["a", "b"]) {
    const variant = { name, promptTemplate: "x" };
    await clients.first.createVariant({ agentType: "evolution", variant });
  }
});

it("a call that is only tried is answered as the call that follows, in the same words, and changes nothing", async () => {
  const client = clients.first;
  const codes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(changes, async (change) => {
      const known = await change.readEtag?.(client).catch(() => undefined);
      const given = change.etag === "right" ? known : "4711";
      const how = change.etag === "none" || given === undefined ? {} : { etag: given };
      const before = await everything(client);
      const tried = await told(change.call(client, { validateOnly: true, ...how }));
      expect(await everything(client), change.what).toEqual(before);
      const made = await told(change.call(client, { validateOnly: false, ...how }));
      expect(tried, change.what).toEqual(made);
      const { code = "ok" } = made as { code?: string };
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }),
    { numRuns: 150, seed: 7 },
  );
  // The requests are of every kind: none of these is rare.
  for (const code of ["ok", "invalid_argument", "not_found", "aborted", "failed_precondition"]) {
    expect(codes.get(code), code).toBeGreaterThan(4);
  }
  expect(codes.get("already_exists")).toBeGreaterThan(1);
});

it("a first override of a code type takes the etag of the policy in force, tried or made", async () => {
  const client = clients.first;
  const request = { agentType: "evolution", codeType: "first-override" };
  const { record } = await client.getPolicy(request);
  const policy = record?.policy as never;
  const set = { ...request, policy, etag: record?.etag as string };
  const tried = await client.setPolicy({ ...set, validateOnly: true });
  const made = await client.setPolicy(set);
  expect(tried.record).toMatchObject({ codeType: request.codeType, etag: "" });
  expect(made.record?.policy).toEqual(tried.record?.policy);
});

it("an etag read on one replica is right on another, at once", async () => {
  const variant = { name: "moved", promptTemplate: "x" };
  for (let round = 0; round < 5; round += 1) {
    const created = await clients.first.createVariant({ agentType: "evolution", variant });
    const id = created.variant?.variantId as string;
    const promoted = await clients.first.promoteVariant({ variantId: id });
    const etagOf = promoted.variant?.etag as string;
    const retired = await clients.second.retireVariant({ variantId: id, etag: etagOf });
    expect(retired.variant?.status).toBe(VariantStatus.RETIRED);
  }
});
