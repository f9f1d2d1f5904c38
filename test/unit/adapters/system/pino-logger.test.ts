import { expect, it } from "vitest";
import { pinoLogger } from "../../../../src/adapters/system/pino-logger.ts";
import { BanditError } from "../../../../src/domain/errors.ts";

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
