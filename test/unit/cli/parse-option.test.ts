import { describe, expect, it } from "vitest";
import { describeFailure } from "../../../src/cli/main.ts";
import { addressOption } from "../../../src/cli/parse-option.ts";

describe("--address", () => {
  it.each(["localhost:50051", "[::1]:1", "10.0.0.7:65535", "unix:/run/banditd.sock", "dns:///a:1"])(
    "may be %s",
    (text) => expect(addressOption(text)).toBe(text),
  );

  it.each([
    "",
    " ",
    "localhost",
    "localhost:",
    "localhost:0",
    "localhost:65536",
    "a b:1",
    ":1 ",
    "http://localhost:8080",
  ])("may not be %j", (text) =>
    expect(() => addressOption(text)).toThrow("host and the port of gRPC"),
  );
});

describe("a failure that nobody expected", () => {
  it("is one line, with the place and without a stack", () => {
    const { exitCode, message } = describeFailure(new TypeError("x is not a function"));
    expect(exitCode).toBe(1);
    expect(message).toMatch(
      /^banditd: unexpected failure: x is not a function \(a bug in .*; at .*\)$/,
    );
    expect(describeFailure("odd").message).toBe("banditd: unexpected failure: odd");
  });
});
