import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeDecisionRecord,
  encodeDecisionRecord,
} from "../../../../src/adapters/sqlite/decision-record-codec.ts";
import {
  formatGenerationId,
  generationIdBucket,
  generationIdBytes,
  generationIdTimestampMs,
  layOutGenerationId,
} from "../../../../src/domain/generation-id.ts";
import { type GenerationId, parseGenerationId } from "../../../../src/domain/ids.ts";
import { forAll } from "../../../support/for-all.ts";
import { decisionRecordOf } from "../../../support/state-arbitraries.ts";

const id = parseGenerationId("019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b");

const records = decisionRecordOf(id);

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
  const times = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  const sixteenBytes = fc.uint8Array({ minLength: 16, maxLength: 16 });

  it("keeps time and bucket, and is a version 7 UUID", () =>
    forAll([times, fc.nat({ max: 4095 }), sixteenBytes], (timestampMs, bucket, bytes) => {
      layOutGenerationId(bytes, { timestampMs, bucket });
      const text: GenerationId = formatGenerationId(bytes);
      expect(parseGenerationId(text)).toBe(text);
      expect(text[14]).toBe("7");
      expect(generationIdBytes(text)).toEqual(bytes);
      expect(generationIdTimestampMs(bytes)).toBe(timestampMs);
      expect(generationIdBucket(bytes)).toBe(bucket);
    }));

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
