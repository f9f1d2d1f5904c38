import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  parseAgentType,
  parseCodeType,
  parseGenerationId,
  parseOutcomeId,
  parseVariantId,
  parseVariantName,
} from "../../../src/domain/ids.ts";
import { CreateVariantRequestSchema } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import {
  RecordOutcomeRequestSchema,
  SelectVariantRequestSchema,
} from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { validateRequest } from "../../../src/rpc/request-validator.ts";
import { banditErrorOf } from "../../support/bandit-error-of.ts";
import { forAll } from "../../support/for-all.ts";

const generationId = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b";
const outcome = { case: "ci", value: { passed: true } } as const;

/** Texts near the border of every rule: of right and wrong characters, right and wrong lengths. */
const texts = fc.oneof(
  fc.string({ maxLength: 70 }),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.stringMatching(/^[a-zA-Z0-9_.:+#/@-]{0,66}\n?$/),
  fc.stringMatching(/^[a-z][a-z0-9_-]{0,66}$/),
  fc.stringMatching(/^[a-z]{1,3}\/[a-z]{1,66}@[0-9]{1,7}$/),
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
  fc.stringMatching(/^[!-~]{62,66}$/),
);

function refuses(check: () => unknown): boolean {
  const error = banditErrorOf(check);
  expect(error?.code ?? "invalid_argument").toBe("invalid_argument");
  return error !== undefined;
}

function validate<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): void {
  validateRequest(schema, create(schema, init));
}

describe("the contract refuses exactly what the parser of the domain refuses", () => {
  const select = (init: MessageInitShape<typeof SelectVariantRequestSchema>) =>
    validate(SelectVariantRequestSchema, { agentType: "a", codeType: "x", ...init });
  const record = (init: MessageInitShape<typeof RecordOutcomeRequestSchema>) =>
    validate(RecordOutcomeRequestSchema, { generationId, outcome, ...init });
  const create = (name: string) => {
    const variant = { name, promptTemplate: "x" };
    validate(CreateVariantRequestSchema, { agentType: "a", variant });
  };

  it.each<[string, (text: string) => unknown, (text: string) => void]>([
    ["agent_type", parseAgentType, (agentType) => select({ agentType })],
    ["code_type", parseCodeType, (codeType) => select({ codeType })],
    ["variant_id", parseVariantId, (id) => select({ allowedVariantIds: [id] })],
    ["generation_id", parseGenerationId, (generationId) => record({ generationId })],
    ["outcome_id", parseOutcomeId, (outcomeId) => record({ outcomeId })],
    ["name", parseVariantName, create],
  ])("%s", (_, parse, check) =>
    forAll([texts], { numRuns: 1000 }, (text) => {
      expect(refuses(() => check(text))).toBe(refuses(() => parse(text)));
    }),
  );
});

it("says what is wrong with an id in words, not as a regular expression", () => {
  const error = banditErrorOf(() =>
    validate(SelectVariantRequestSchema, {
      agentType: "",
      codeType: "",
      generationId: "",
      allowedVariantIds: [""],
    }),
  );
  expect(error?.violations).toHaveLength(4);
  for (const { description } of error?.violations ?? []) expect(description).toMatch(/^must /);
});

it("keeps a violation short, however long what it is about", () => {
  const features = { [`k${"x".repeat(100_000)}`]: Number.NaN };
  const error = banditErrorOf(() =>
    validate(SelectVariantRequestSchema, { agentType: "a", codeType: "x", features }),
  );
  expect(JSON.stringify(error?.violations).length).toBeLessThan(1000);
  expect(error?.message.length).toBeLessThan(500);
});
