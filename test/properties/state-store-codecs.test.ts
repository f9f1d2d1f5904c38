import fc from "fast-check";
import { expect, test } from "vitest";
import { decisionAddress } from "../../src/adapters/redis/keys.ts";
import { packDecisionHead, unpackDecision } from "../../src/adapters/redis/packed-decision.ts";
import { formatTotalsMessage, parseTotalsMessage } from "../../src/adapters/redis/totals-text.ts";
import { decodeLedger, encodeLedger } from "../../src/adapters/sqlite/ledger.ts";
import { encodeDecisionLabels } from "../../src/adapters/state/decision-labels.ts";
import type { GenerationId } from "../../src/domain/ids.ts";
import type { ArmTotals } from "../../src/ports/state-store.ts";
import { forAll } from "../support/for-all.ts";
import {
  armArbitrary,
  decisionRecordOf,
  versionedTotalsArbitrary,
} from "../support/state-arbitraries.ts";

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((digits) => digits.join(""));

/** Any id the parser accepts: versions 1 to 8, the RFC's variant. */
const generationId = fc
  .tuple(hex(12), fc.constantFrom(..."12345678"), hex(3), fc.constantFrom(..."89ab"), hex(15))
  .map(
    ([time, version, a, variant, b]) =>
      `${time.slice(0, 8)}-${time.slice(8)}-${version}${a}-${variant}${b.slice(0, 3)}-${b.slice(3)}` as GenerationId,
  );

const partitions = 16;

test("two generation ids have the same address only when they are the same id", async () => {
  // Ids that differ in one digit are the likeliest to collide.
  const neighbours = fc.tuple(generationId, fc.nat({ max: 35 }), hex(1)).map(([id, at, digit]) => {
    const changed =
      id[at] === "-" || at === 14 || at === 19 ? id : id.slice(0, at) + digit + id.slice(at + 1);
    return [id, changed as GenerationId] as const;
  });
  const versions = fc
    .tuple(generationId, fc.constantFrom(..."12345678"))
    .map(
      ([id, version]) => [id, (id.slice(0, 14) + version + id.slice(15)) as GenerationId] as const,
    );
  await forAll([fc.oneof(neighbours, versions)], { numRuns: 2000 }, ([a, b]) => {
    expect(addressText(a) === addressText(b)).toBe(a === b);
  });
});

test("an address is at most 11 bytes of field and one of the partitions", () =>
  forAll([generationId], (id) => {
    const { field, partition, key } = decisionAddress(id, partitions);
    expect(field.length).toBe(id[14] === "7" ? 10 : 11);
    expect(key).toContain(`{p${String(partition).padStart(2, "0")}}`);
    expect(partition).toBeLessThan(partitions);
  }));

test("a packed decision gives the same record back, whatever its time, labels and propensity", async () => {
  const delays = fc.oneof(
    fc.integer({ min: -70_000, max: 70_000 }),
    fc.constantFrom(0, 65_535, 65_536, -1),
  );
  const record = generationId.chain(decisionRecordOf);
  await forAll([record, delays, fc.boolean()], { numRuns: 500 }, (drawn, delayMs, isNear) => {
    const { timestampMs } = decisionAddress(drawn.generationId, partitions);
    const nearMs = Math.min(Math.max(timestampMs + delayMs, 0), 2 ** 48 - 1);
    const whole = isNear ? { ...drawn, decidedAtMs: nearMs } : drawn;
    const packed = Buffer.concat([
      packDecisionHead(whole, timestampMs),
      Buffer.from(encodeDecisionLabels(whole)),
    ]);
    expect(unpackDecision(drawn.generationId, timestampMs, packed)).toEqual(whole);
  });
});

test("a message about totals is text, and tells them to the last bit", async () => {
  const arm = fc.record({ key: armArbitrary, change: versionedTotalsArbitrary });
  await forAll([fc.array(arm, { minLength: 1, maxLength: 4 })], { numRuns: 250 }, (drawn) => {
    const changed = drawn.map(({ change, key }) => ({ ...key, ...change }) as ArmTotals);
    const message = formatTotalsMessage(changed);
    expect(message).toMatch(/^[\x20-\x7e\n]*$/);
    expect(parseTotalsMessage(message)).toEqual(changed);
  });
});

test("a ledger is read as it was written, doubles included", async () => {
  const number = fc.double({ min: 0, max: 1, noNaN: true });
  const ledger = fc.record({
    ...{
      expiresAtSeconds: fc.nat(),
      position: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    },
    eventIds: fc.array(fc.stringMatching(/^[!-~]{1,64}$/), { maxLength: 5 }),
    entries: fc.array(
      fc.record({
        component: fc.stringMatching(/^[!-~]{1,64}$/),
        value: number,
        weight: number,
        penalty: number,
        occurredAtMs: fc.nat({ max: 2 ** 48 }),
        eventId: fc.stringMatching(/^[!-~]{1,64}$/),
      }),
      { maxLength: 4 },
    ),
  });
  await forAll([ledger, fc.boolean()], ({ position, ...rest }, isPlaced) => {
    const written = isPlaced ? { ...rest, position } : rest;
    expect(decodeLedger(encodeLedger(written))).toEqual(written);
  });
});

function addressText(id: GenerationId): string {
  const { key, field } = decisionAddress(id, partitions);
  return `${key} ${field.toString("hex")}`;
}
