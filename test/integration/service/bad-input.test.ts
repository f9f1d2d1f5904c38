import { beforeAll, describe, expect, it } from "vitest";
import { type BanditClient, ClientError } from "../../../src/client/index.ts";
import { useServed } from "../../support/use-site.ts";

const unknownGeneration = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b";
const select = { agentType: "evolution", codeType: "c" };
const outcome = { case: "testRun", value: { passed: 1 } } as const;

/** What the contract allows and the service refuses; the tests of the transports have what breaks the contract. */
interface Case {
  readonly what: string;
  readonly code: string;
  /** Field that a violation names; undefined where no field is to blame. */
  readonly field?: string;
  call(client: BanditClient, generationId: string): Promise<unknown>;
}

const cases: readonly Case[] = [
  {
    what: "an unknown agent type",
    code: "not_found",
    call: (client) => client.selectVariant({ ...select, agentType: "nobody" }),
  },
  {
    what: "an allowed variant of another agent type",
    code: "invalid_argument",
    field: "allowed_variant_ids[0]",
    call: (client) =>
      client.selectVariant({ ...select, allowedVariantIds: ["reporting/nothing@1"] }),
  },
  {
    what: "a report on an unknown generation",
    code: "not_found",
    call: (client) => client.recordGeneration({ generationId: unknownGeneration }),
  },
  {
    what: "an outcome for an unknown generation",
    code: "not_found",
    call: (client) => client.recordOutcome({ generationId: unknownGeneration, outcome }),
  },
  {
    what: "an outcome from the future",
    code: "invalid_argument",
    field: "occurred_at",
    call: (client, generationId) =>
      client.recordOutcome({ generationId, occurredAt: { seconds: 4_000_000_000n }, outcome }),
  },
  {
    what: "a variant of an unknown agent type",
    code: "not_found",
    call: (client) =>
      client.createVariant({ agentType: "nobody", variant: { name: "a", promptTemplate: "t" } }),
  },
  {
    what: "promoting a retired variant",
    code: "failed_precondition",
    field: "variant_id",
    call: (client) => client.promoteVariant({ variantId: "reporting/gone@1" }),
  },
  {
    what: "retiring the baseline",
    code: "failed_precondition",
    field: "variant_id",
    call: (client) => client.retireVariant({ variantId: "evolution/baseline-direct@1" }),
  },
  {
    what: "an agent type that exists",
    code: "already_exists",
    call: (client) => {
      const variants = [{ name: "a", promptTemplate: "t" }];
      return client.createAgentType({ agentType: "evolution", variants });
    },
  },
  {
    what: "a policy whose weights add up to more than 1",
    code: "invalid_argument",
    field: "policy.reward.components",
    call: (client) => {
      const components = ["coverage", "ci_passed"].map((metric) => ({ metric, weight: 0.6 }));
      const algorithm = { kind: { case: "thompsonSampling", value: {} } } as const;
      const policy = { algorithm, reward: { components } };
      return client.setPolicy({ agentType: "evolution", policy });
    },
  },
  {
    what: "a query that writes",
    code: "invalid_argument",
    call: (client) => client.query({ sql: "INSERT INTO decisions (agent_type) VALUES ('x')" }),
  },
];

describe("bad input", () => {
  const served = useServed();
  let generationId: string;

  /** Everything a call could have changed: posteriors, catalogue and events. */
  const snapshot = async () => {
    const { client } = served;
    const [allocation, variants, policy, mode, events] = await Promise.all([
      client.getAllocation(select),
      client.listVariants({ pageSize: 1000 }),
      client.getPolicy({ agentType: "evolution" }),
      client.getMode({}),
      client.query({
        sql: "SELECT (SELECT count() FROM decisions), (SELECT count() FROM generations), (SELECT count() FROM outcomes)",
        fresh: true,
      }),
    ]);
    return { arms: allocation.allocation?.arms, variants, policy, mode, rows: events.rows };
  };

  beforeAll(async () => {
    const { client } = served;
    ({ generationId } = await client.selectVariant(select));
    const gone = { name: "gone", promptTemplate: "t" };
    const { variant } = await client.createVariant({ agentType: "reporting", variant: gone });
    await client.retireVariant({ variantId: variant?.variantId ?? "" });
  });

  it.each(cases)("$what is $code and changes nothing", async ({ call, code, field }) => {
    const before = await snapshot();
    const failure = await call(served.client, generationId).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ClientError);
    expect(failure).toMatchObject({ code });
    const { violations } = failure as ClientError;
    if (field !== undefined) expect(violations.map((each) => each.field)).toContain(field);
    expect(await snapshot()).toEqual(before);
  });

  it("tells how to create an agent type that nobody configured", async () => {
    const unknown = served.client.selectVariant({ ...select, agentType: "nobody" });
    await expect(unknown).rejects.toMatchObject({
      reason: "AGENT_TYPE_NOT_FOUND",
      message: expect.stringMatching(/CreateAgentType.*--auto-create-agent-types/),
    });
  });
});

describe("an agent type nobody configured, where auto-creation is on", () => {
  const served = useServed("embedded", { autoCreateAgentTypes: true });

  it("is created by the first decision, once, however many ask at the same time", async () => {
    const request = { agentType: "brand_new", codeType: "c" };
    const asked = Array.from({ length: 8 }, () => served.client.selectVariant(request));
    for (const { variant } of await Promise.all(asked)) {
      expect(variant?.variantId).toBe("brand_new/baseline@1");
    }
  });
});
