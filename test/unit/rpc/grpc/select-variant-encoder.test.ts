import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { SelectVariantResponseSchema } from "../../../../src/gen/bandit/v1/decision_service_pb.ts";
import { encodeSelectVariantResponse } from "../../../../src/rpc/grpc/select-variant-encoder.ts";
import { forAll } from "../../../support/for-all.ts";

type MessageInit = MessageInitShape<typeof SelectVariantResponseSchema>;

const generationId = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b";

const responses = fc.record({
  generationId: fc.constantFrom(generationId, "", "short"),
  variant: fc.option(
    fc.record({
      variantId: fc.string({ maxLength: 20 }),
      version: fc.nat(),
      promptTemplate: fc.string({ unit: "grapheme", maxLength: 300 }),
      temperature: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
      parameters: fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined }),
    }),
    { nil: undefined },
  ),
  source: fc.constantFrom(0, 1, 2, 6),
  propensity: fc.constantFrom(0, 1e-9, 0.25, 1),
  allocationVersion: fc.constantFrom("00112233445566ff", ""),
  experimentId: fc.constantFrom("", "", "exp-1"),
  experimentArm: fc.constantFrom("", "", "treatment"),
  degraded: fc.constantFrom(false, false, true),
  degradedReason: fc.constantFrom("", "", "state"),
  patterns: fc.array(fc.record({ patternId: fc.string(), text: fc.string() }), { maxLength: 1 }),
});

it("says what the generated codec says, in every decision", () =>
  forAll([responses], { numRuns: 500 }, (init) => {
    const message = create(SelectVariantResponseSchema, init as MessageInit);
    const generated = toBinary(SelectVariantResponseSchema, message);
    const decoded = fromBinary(SelectVariantResponseSchema, generated);
    for (const bytes of [
      encodeSelectVariantResponse(message),
      encodeSelectVariantResponse(message),
    ]) {
      expect(bytes.length).toBe(generated.length);
      expect(fromBinary(SelectVariantResponseSchema, bytes)).toEqual(decoded);
    }
  }));

it.each([1, 127, 128, 16_383, 16_384, 65_536])(
  "holds for a template of %i characters, where the length takes more bytes",
  (length) => {
    const promptTemplate = "é".repeat(length);
    const message = create(SelectVariantResponseSchema, {
      generationId,
      variant: { promptTemplate },
      source: 1,
      propensity: 0.5,
      allocationVersion: "00112233445566ff",
    });
    const bytes = encodeSelectVariantResponse(message);
    expect(fromBinary(SelectVariantResponseSchema, bytes)).toEqual(message);
  },
);
