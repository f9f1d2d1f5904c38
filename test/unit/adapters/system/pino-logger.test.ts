import { expect, it } from "vitest";
import { pinoLogger } from "../../../../src/adapters/system/pino-logger.ts";
import { BanditError } from "../../../../src/domain/errors.ts";
import { withoutCredentials } from "../../../../src/domain/without-credentials.ts";

/** What one warning with this error is written as. */
function written(error: unknown): { line: string; error: Record<string, unknown> } {
  const lines: string[] = [];
  pinoLogger("warn", { write: (text) => lines.push(text) }).warn("it failed", { error });
  const line = lines.join("");
  return { line, error: JSON.parse(line).error };
}

it("an error is written with message, code, reason, stack and causes, and nothing that a driver has hung on it", () => {
  const reply = Object.assign(new Error("WRONGPASS invalid username-password pair"), {
    command: { name: "auth", args: ["user", "s3cret"] },
    config: { password: "s3cret" },
    code: "WRONGPASS",
  });
  const refused = new AggregateError([reply, "http://u:s3cret@host refused"], "none answers");
  const error = new BanditError("unavailable", "the state store cannot be reached", {
    reason: "STATE_UNAVAILABLE",
    cause: Object.assign(new TypeError("Invalid URL", { cause: refused }), {
      input: "redis://u:s3cret@host",
    }),
  });
  const { line, error: logged } = written(error);
  expect(line).not.toContain("s3cret");
  expect(logged).toMatchObject({
    type: "BanditError",
    code: "unavailable",
    reason: "STATE_UNAVAILABLE",
    stack: expect.stringContaining("pino-logger.test.ts"),
    cause: {
      type: "TypeError",
      message: "Invalid URL",
      cause: {
        errors: [
          { code: "WRONGPASS", message: "WRONGPASS invalid username-password pair" },
          "http://***@host refused",
        ],
      },
    },
  });
});

it("an error that is its own cause is written", () => {
  const error = new Error("round");
  error.cause = error;
  expect(written(error).error).toMatchObject({ message: "round", cause: { message: "round" } });
});

it.each([
  ["connect redis://user:s3cret@host:6379/0 failed", "connect redis://***@host:6379/0 failed"],
  ["'postgres://u:s3@cret@host/db'", "'postgres://***@host/db'"],
  ["https://host/?user=u&password=s3cret&a=1", "https://host/?user=u&password=***&a=1"],
  [
    "ERR unknown command 'AUTH', with args beginning with: 'u' 's3cret' ",
    "ERR unknown command 'AUTH', with args beginning with: ***",
  ],
  ["redis://a:1,redis://b:2 and a@b.c", "redis://a:1,redis://b:2 and a@b.c"],
])("%s", (text, readable) => {
  expect(withoutCredentials(text)).toBe(readable);
});
