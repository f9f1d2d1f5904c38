import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeDecisionRecord,
  encodeDecisionRecord,
} from "../../../../src/adapters/sqlite/decision-record-codec.ts";
import { type DecisionRecord, decisionSources } from "../../../../src/domain/decision.ts";
import {
  formatGenerationId,
  generationIdBucket,
  generationIdBytes,
  generationIdTimestampMs,
  layOutGenerationId,
} from "../../../../src/domain/generation-id.ts";
import {
  formatVariantId,
  type GenerationId,
  parseAgentType,
  parseCodeType,
  parseGenerationId,
} from "../../../../src/domain/ids.ts";
import { forAll } from "../../../support/for-all.ts";
import { experimentArbitrary, placementArbitrary } from "../../../support/state-arbitraries.ts";

const id = parseGenerationId("019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b");

const records: fc.Arbitrary<DecisionRecord> = fc
  .record({
    agentType: fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/),
    name: fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/),
    version: fc.integer({ min: 1, max: 999_999 }),
    codeType: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:+#/-]{0,63}$/),
    decidedAtMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    retainedUntilMs: fc.nat({ max: 2 ** 32 - 1 }).map((seconds) => seconds * 1000),
    source: fc.constantFrom(...decisionSources),
    propensity: fc.double({ min: Number.MIN_VALUE, max: 1, noNaN: true }),
    allocationVersion: fc.stringMatching(/^[0-9a-f]{16}$/),
    placement: placementArbitrary,
    experiment: experimentArbitrary,
  })
  .map(({ agentType, name, version, codeType, placement, experiment, ...rest }) => ({
    ...rest,
    ...placement,
    ...experiment,
    generationId: id,
    agentType: parseAgentType(agentType),
    codeType: parseCodeType(codeType),
    variantId: formatVariantId({ agentType: parseAgentType(agentType), name, version }),
  }));

describe("decision record", () => {
  it("is the same after encoding and decoding, whatever the labels", () =>
    forAll([records], (record) => {
      expect(decodeDecisionRecord(id, encodeDecisionRecord(record))).toEqual(record);
    }));

  it("costs 29 bytes besides its labels, and with a placement 8 for each number", () =>
    forAll([records], (record) => {
      const { forgettingPosition, context, experiment } = record;
      const numbers =
        context === undefined ? Math.sign(forgettingPosition) : 2 + context.values.length;
      const names: string[] = [record.variantId, record.codeType];
      if (experiment !== undefined) names.push(experiment.id, experiment.arm);
      expect(encodeDecisionRecord(record).length).toBe(29 + 8 * numbers + names.join(" ").length);
    }));

  it("refuses bytes of another format", () => {
    expect(() => decodeDecisionRecord(id, Buffer.alloc(40, 9))).toThrow(/unknown format/);
  });
});

describe("generation id", () => {
  it("keeps time and bucket, and is a version 7 UUID", () =>
    forAll(
      [
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.integer({ min: 0, max: 4095 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
      ],
      (timestampMs, bucket, bytes) => {
        layOutGenerationId(bytes, { timestampMs, bucket });
        const text: GenerationId = formatGenerationId(bytes);
        expect(parseGenerationId(text)).toBe(text);
        expect(text[14]).toBe("7");
        expect(generationIdBytes(text)).toEqual(bytes);
        expect(generationIdTimestampMs(bytes)).toBe(timestampMs);
        expect(generationIdBucket(bytes)).toBe(bucket);
      },
    ));

  it("sorts as text in the order of its time", () => {
    const at = (timestampMs: number) => {
      const bytes = new Uint8Array(16).fill(255);
      layOutGenerationId(bytes, { timestampMs, bucket: 4095 });
      return formatGenerationId(bytes);
    };
    expect(at(1_000) < at(1_001)).toBe(true);
    expect(at(2 ** 32 - 1) < at(2 ** 32)).toBe(true);
  });
});
