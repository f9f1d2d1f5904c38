import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const folders = "{src,test,bench,scripts,examples,docs,migrations,proto,bin,.ci}";
const files = globSync([`${folders}/**/*.{ts,mjs,md,sql,lua,proto}`, ".ci/*", "*.{md,ts}"], {
  cwd: root,
}).filter((path) => !path.startsWith("src/gen/") && !path.endsWith("words.test.ts"));

it.each([
  ["a version that was never released", /\b0\.1\.0\b/],
  ["a note of work to be done", /\b(TODO|FIXME|XXX)\b/],
  ["a test that does not run", /\b(it|test|describe)\.(skip|only|todo)\b/],
  ["a sentence without a named subject", /\b(whoever|of account|what is left)\b(?! out)/i],
  ["the host of a package registry", /https?:\/\/[\w.-]*(registry|npmjs|pypi|nexus|artifactory)/i],
])("no file has %s", (_, pattern) => {
  expect(files.length).toBeGreaterThan(500);
  expect(files.filter((path) => pattern.test(readFileSync(join(root, path), "utf8")))).toEqual([]);
});
