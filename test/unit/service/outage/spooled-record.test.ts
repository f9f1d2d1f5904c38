import { inspect } from "node:util";
import { expect, test } from "vitest";
import { decodeSpooled } from "../../../../src/service/outage/spooled-record.ts";
import { banditErrorOf } from "../../../support/bandit-error-of.ts";

test("a record that cannot be read is refused without a word of what people wrote", () => {
  for (const text of ["private words", '{"comment": "private words', '{"version":1} private']) {
    const refusal = banditErrorOf(() => decodeSpooled(text));
    expect(refusal).toMatchObject({ reason: "SPOOLED_RECORD_UNREADABLE" });
    const told = inspect(refusal, { depth: null });
    expect(told).toContain("SyntaxError");
    expect(told).not.toContain("priv");
  }
});
