import { expect, test } from "vitest";
import { checkInfo, parseInfo } from "../../../../src/adapters/redis/server-checks.ts";
import { silentLogger } from "../../../support/state-samples.ts";

const info = (version: string) =>
  parseInfo(
    `# Server\r\nredis_version:${version}\r\nos:Linux 6.1 x86_64\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n`,
  );

test.each(["6.2.14", "2.8.0", "unknown"])("Redis %s is refused by name", (version) => {
  expect(() => checkInfo(info(version), silentLogger)).toThrowError(
    expect.objectContaining({
      code: "failed_precondition",
      message: expect.stringContaining(version),
    }),
  );
});

test.each(["7.0.0", "7.4.1", "8.2.0", "10.0.0"])("Redis %s is accepted", (version) => {
  expect(() => checkInfo(info(version), silentLogger)).not.toThrow();
});
