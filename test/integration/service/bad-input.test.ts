import { Client, credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BanditClient, ClientError } from "../../../src/client/index.ts";
import { openSite, type ServedSite, type Site } from "../../support/site.ts";

const unknownGeneration = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b";
const longLabel = "x".repeat(65);

interface Case {
  readonly what: string;
  readonly code: string;
  /** Field that a violation names; undefined where no field is to blame. */
  readonly field?: string;
  call(client: BanditClient, generationId: string): Promise<unknown>;
}

const outcome = (generationId: string, value: Record<string, unknown>) =>
  ({ generationId, outcome: value }) as never;
const testRun = (value: Record<string, unknown>) => ({ case: "testRun", value });

const cases: readonly Case[] = [
  {
    what: "an unknown agent type",
    code: "not_found",
    call: (client) => client.selectVariant({ agentType: "nobody", codeType: "python_class" }),
  },
  {
    what: "an empty agent type",
    code: "invalid_argument",
    field: "agent_type",
    call: (client) => client.selectVariant({ agentType: "", codeType: "python_class" }),
  },
  {
    what: "an over-long agent type",
    code: "invalid_argument",
    field: "agent_type",
    call: (client) => client.selectVariant({ agentType: longLabel, codeType: "python_class" }),
  },
  {
    what: "an empty code type",
    code: "invalid_argument",
    field: "code_type",
    call: (client) => client.selectVariant({ agentType: "evolution", codeType: "" }),
  },
  {
    what: "an over-long code type",
    code: "invalid_argument",
    field: "code_type",
    call: (client) => client.selectVariant({ agentType: "evolution", codeType: longLabel }),
  },
  {
    what: "a feature that is no number",
    code: "invalid_argument",
    field: 'features["lines"]',
    call: (client) =>
      client.selectVariant({
        agentType: "evolution",
        codeType: "c",
        features: { lines: Number.NaN },
      }),
  },
  {
    what: "a malformed generation id to decide for",
    code: "invalid_argument",
    field: "generation_id",
    call: (client) =>
      client.selectVariant({ agentType: "evolution", codeType: "c", generationId: "42" }),
  },
  {
    what: "an allowed variant of another agent type",
    code: "invalid_argument",
    field: "allowed_variant_ids[0]",
    call: (client) =>
      client.selectVariant({
        agentType: "evolution",
        codeType: "c",
        allowedVariantIds: ["reporting/nothing@1"],
      }),
  },
  {
    what: "a batch of no decision",
    code: "invalid_argument",
    field: "requests",
    call: (client) => client.batchSelectVariants({ requests: [] }),
  },
  {
    what: "a batch of 101 decisions",
    code: "invalid_argument",
    field: "requests",
    call: (client) =>
      client.batchSelectVariants({
        requests: Array.from({ length: 101 }, () => ({ agentType: "evolution", codeType: "c" })),
      }),
  },
  {
    what: "a report on a malformed generation id",
    code: "invalid_argument",
    field: "generation_id",
    call: (client) => client.recordGeneration({ generationId: "not-a-uuid" }),
  },
  {
    what: "a report on an unknown generation",
    code: "not_found",
    call: (client) => client.recordGeneration({ generationId: unknownGeneration }),
  },
  {
    what: "a negative cost",
    code: "invalid_argument",
    field: "cost_usd",
    call: (client, generationId) => client.recordGeneration({ generationId, costUsd: -1 }),
  },
  {
    what: "an outcome for an unknown generation",
    code: "not_found",
    call: (client) => client.recordOutcome(outcome(unknownGeneration, testRun({ passed: 1 }))),
  },
  {
    what: "an outcome for a malformed generation id",
    code: "invalid_argument",
    field: "generation_id",
    call: (client) => client.recordOutcome(outcome("nonsense", testRun({ passed: 1 }))),
  },
  {
    what: "an outcome without content",
    code: "invalid_argument",
    field: "outcome",
    call: (client, generationId) => client.recordOutcome({ generationId }),
  },
  {
    what: "a test run without a test",
    code: "invalid_argument",
    field: "test_run",
    call: (client, generationId) =>
      client.recordOutcome(outcome(generationId, testRun({ passed: 0, failed: 0 }))),
  },
  {
    what: "a negative number of tests",
    code: "invalid_argument",
    field: "test_run.passed",
    call: (client, generationId) =>
      client.recordOutcome(outcome(generationId, testRun({ passed: -1, failed: 2 }))),
  },
  {
    what: "a coverage above 1",
    code: "invalid_argument",
    field: "test_run.coverage",
    call: (client, generationId) =>
      client.recordOutcome(outcome(generationId, testRun({ passed: 1, coverage: 85 }))),
  },
  {
    what: "a coverage that is no number",
    code: "invalid_argument",
    field: "test_run.coverage",
    call: (client, generationId) =>
      client.recordOutcome(outcome(generationId, testRun({ passed: 1, coverage: Number.NaN }))),
  },
  ...[0, 6, -1].map(
    (overall): Case => ({
      what: `a rating of ${overall}`,
      code: "invalid_argument",
      field: "rating.overall",
      call: (client, generationId) =>
        client.recordOutcome(outcome(generationId, { case: "rating", value: { overall } })),
    }),
  ),
  {
    what: "a rating without a value",
    code: "invalid_argument",
    field: "rating",
    call: (client, generationId) =>
      client.recordOutcome(outcome(generationId, { case: "rating", value: { userId: "u" } })),
  },
  {
    what: "a custom metric that is infinite",
    code: "invalid_argument",
    field: 'custom.metrics["speed"]',
    call: (client, generationId) =>
      client.recordOutcome(
        outcome(generationId, {
          case: "custom",
          value: { metrics: { speed: Number.POSITIVE_INFINITY } },
        }),
      ),
  },
  {
    what: "an outcome from the future",
    code: "invalid_argument",
    field: "occurred_at",
    call: (client, generationId) =>
      client.recordOutcome({
        generationId,
        occurredAt: { seconds: 4_000_000_000n },
        outcome: { case: "testRun", value: { passed: 1 } },
      }),
  },
  {
    what: "a batch of 1,001 outcomes",
    code: "invalid_argument",
    field: "requests",
    call: (client, generationId) =>
      client.batchRecordOutcomes({
        requests: Array.from({ length: 1001 }, () => ({
          generationId,
          outcome: { case: "ci", value: { passed: true } },
        })),
      }),
  },
  {
    what: "a message over 4 MiB",
    code: "resource_exhausted",
    call: (client, generationId) =>
      client.recordGeneration({ generationId, content: "x".repeat(5 * 1024 * 1024) }),
  },
  {
    what: "a variant without template",
    code: "invalid_argument",
    field: "variant.prompt_template",
    call: (client) => client.createVariant({ agentType: "evolution", variant: { name: "empty" } }),
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
    call: (client) =>
      client.createAgentType({
        agentType: "evolution",
        variants: [{ name: "a", promptTemplate: "t" }],
      }),
  },
  {
    what: "a policy whose weights add up to more than 1",
    code: "invalid_argument",
    field: "policy.reward.components",
    call: (client) =>
      client.setPolicy({
        agentType: "evolution",
        policy: {
          algorithm: { kind: { case: "thompsonSampling", value: {} } },
          reward: {
            components: [
              { metric: "coverage", weight: 0.6 },
              { metric: "ci_passed", weight: 0.6 },
            ],
          },
        },
      }),
  },
  {
    what: "a query that writes",
    code: "invalid_argument",
    call: (client) => client.query({ sql: "INSERT INTO decisions (agent_type) VALUES ('x')" }),
  },
];

describe("bad input", () => {
  let site: Site;
  let service: ServedSite;
  let client: BanditClient;
  let generationId: string;

  /** Everything a call could have changed: posteriors, catalogue and events. */
  const snapshot = async () => {
    const [allocation, variants, policy, mode, events] = await Promise.all([
      client.getAllocation({ agentType: "evolution", codeType: "c" }),
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
    site = await openSite("embedded");
    service = await site.serve();
    client = service.client;
    ({ generationId } = await client.selectVariant({ agentType: "evolution", codeType: "c" }));
    const { variant } = await client.createVariant({
      agentType: "reporting",
      variant: { name: "gone", promptTemplate: "t" },
    });
    await client.retireVariant({ variantId: variant?.variantId ?? "" });
  });
  afterAll(async () => {
    await site.remove();
  });

  it.each(cases)("$what is $code and changes nothing", async ({ call, code, field }) => {
    const before = await snapshot();
    const error = await call(client, generationId).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).toBeInstanceOf(ClientError);
    const failure = error as ClientError;
    expect(failure.code).toBe(code);
    if (field !== undefined) {
      expect(failure.violations.map((violation) => violation.field)).toContain(field);
    }
    expect(await snapshot()).toEqual(before);
  });

  it("tells how to create an agent type that nobody configured", async () => {
    await expect(
      client.selectVariant({ agentType: "nobody", codeType: "c" }),
    ).rejects.toMatchObject({
      reason: "AGENT_TYPE_NOT_FOUND",
      message: expect.stringMatching(/CreateAgentType.*--auto-create-agent-types/),
    });
  });

  it("answers a batch item by item: one bad outcome does not disturb the others", async () => {
    const { results } = await client.batchRecordOutcomes({
      requests: [
        { generationId, outcome: { case: "ci", value: { passed: true } } },
        { generationId, outcome: { case: "rating", value: { overall: 9 } } },
        { generationId: unknownGeneration, outcome: { case: "ci", value: { passed: true } } },
      ],
    });
    expect(results.map(({ result }) => result.case)).toEqual(["response", "error", "error"]);
    const [, invalid, unknown] = results;
    if (invalid?.result.case !== "error" || unknown?.result.case !== "error") throw new Error();
    expect(invalid.result.value.fieldViolations.map(({ field }) => field)).toEqual([
      "rating.overall",
    ]);
    expect(unknown.result.value.reason).toBe("GENERATION_NOT_FOUND");
  });

  it("refuses bytes that are no message without falling over", async () => {
    const raw = new Client(service.running.grpcAddress, credentials.createInsecure());
    const failed = await new Promise<{ code: number } | null>((resolve) => {
      raw.makeUnaryRequest(
        "/bandit.v1.DecisionService/SelectVariant",
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        Buffer.from([0x0a, 0xff, 0xff, 0xff]),
        (error) => resolve(error),
      );
    });
    raw.close();
    expect(failed?.code).toBeGreaterThan(0);
    await client.selectVariant({ agentType: "evolution", codeType: "c" });
  });
});

describe("an agent type nobody configured, where auto-creation is on", () => {
  it("is created by the first decision, once, however many ask at the same time", async () => {
    const site = await openSite("embedded");
    try {
      const { client } = await site.serve({ autoCreateAgentTypes: true });
      const answers = await Promise.all(
        Array.from({ length: 8 }, () =>
          client.selectVariant({ agentType: "brand_new", codeType: "c" }),
        ),
      );
      for (const answer of answers) expect(answer.variant?.variantId).toBe("brand_new/baseline@1");
    } finally {
      await site.remove();
    }
  });
});
