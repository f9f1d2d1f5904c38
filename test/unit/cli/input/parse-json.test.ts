import { describe, expect, it } from "vitest";
import { parseJson } from "../../../../src/cli/input/parse-json.ts";

describe("JSON of a user", () => {
  it.each([
    "null",
    '{"a":[1,0.1,-0,1e300,9007199254740992],"b":"\\ud83d\\ude00"}',
    `${"[".repeat(100)}${"]".repeat(100)}`,
  ])("is taken as it is: %s", (text) => {
    expect(parseJson(text, "p.json")).toEqual(JSON.parse(text));
  });

  it.each([
    ["{", "p.json is not JSON: "],
    ["[1e999]", "p.json: [0]: is 1e999, which a double cannot hold"],
    ['{"seed":9007199254740993}', "p.json: seed: is 9007199254740993, which"],
    ['{"a":["\\ud800"]}', 'p.json has half of a surrogate pair: "\\ud800"'],
    ['{"a":{"b":1,"b":2}}', "p.json: a.b: stands twice in one object"],
    [`${"[".repeat(102)}${"]".repeat(102)}`, "nested more than 100 deep"],
    [`${"[".repeat(100_000)}${"]".repeat(100_000)}`, "p.json"],
  ])("is refused where it would become something else: %.40s", (text, message) => {
    expect(() => parseJson(text, "p.json")).toThrow(message);
    expect(() => parseJson(text, "p.json")).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});
