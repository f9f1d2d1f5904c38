import { describe, expect, it } from "vitest";
import { describeFailure } from "../../../src/cli/main.ts";
import { addressOption, numberWithin, wholeNumber } from "../../../src/cli/parse-option.ts";

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

describe("a number", () => {
  it("is in decimal digits", () => {
    expect(["7", "+7", "7.0", "7e0", "70E-1"].map(wholeNumber(1, 10))).toEqual([7, 7, 7, 7, 7]);
    expect(numberWithin(0, 1)(".5")).toBe(0.5);
  });

  it.each(["", " ", " 7", "0x7", "0b1", "7,0", "1_0", "7.5", "11", "NaN"])("is not %j", (text) =>
    expect(() => wholeNumber(1, 10)(text)).toThrow("It must be a whole number from 1 to 10."),
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
