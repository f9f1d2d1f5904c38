import { describe, expect, it } from "vitest";
import {
  formatVariantId,
  parseAgentType,
  parseCodeType,
  parseGenerationId,
  parseOutcomeId,
  parseVariantId,
} from "../../../src/domain/ids.ts";
import { banditErrorOf } from "../../support/bandit-error-of.ts";

const refused = (parse: () => unknown, field: string) => {
  const error = banditErrorOf(parse);
  expect(error?.code).toBe("invalid_argument");
  expect(error?.violations.map((violation) => violation.field)).toEqual([field]);
};

describe("ids", () => {
  it.each(["evolution", "a", "x".repeat(64), "my_agent-2"])("accepts agent type %s", (text) => {
    expect(parseAgentType(text)).toBe(text);
  });

  it.each(["", "Evolution", "1st", "a b", "x".repeat(65), "é", "a/b"])(
    "refuses agent type %j and names the field",
    (text) => refused(() => parseAgentType(text), "agent_type"),
  );

  it.each(["", " ", "a b", "x".repeat(65), 'a"b', "a\nb", "_a"])(
    "refuses code type %j and names the field",
    (text) => refused(() => parseCodeType(text), "code_type"),
  );

  it.each(["python_class", "C++", "ts/react-18", "abstract_algebra", "C#"])(
    "accepts code type %s",
    (text) => {
      expect(parseCodeType(text)).toBe(text);
    },
  );

  it("lowers the digits of a generation id and refuses what is no UUID", () => {
    expect(parseGenerationId("019A1B2C-3D4E-7F50-8A6B-7C8D9E0F1A2B")).toBe(
      "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b",
    );
    for (const text of ["", "019a1b2c", "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2", "not-a-uuid"]) {
      refused(() => parseGenerationId(text), "generation_id");
    }
  });

  it("reads back the variant ids it writes, and refuses others", () => {
    const id = formatVariantId({ agentType: parseAgentType("evolution"), name: "a-b", version: 3 });
    expect(parseVariantId(id)).toBe("evolution/a-b@3");
    for (const text of ["", "evolution", "evolution/x", "evolution/x@0", "/x@1", "e/x@1 "]) {
      refused(() => parseVariantId(text), "variant_id");
    }
  });

  it("takes any printable outcome id up to 64 characters", () => {
    expect(parseOutcomeId("ci-run:42/7")).toBe("ci-run:42/7");
    for (const text of ["", "a b", "x".repeat(65), "é"]) {
      refused(() => parseOutcomeId(text), "outcome_id");
    }
  });
});
