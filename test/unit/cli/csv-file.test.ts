import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CsvRecord, csvRecords } from "../../../src/cli/csv-file.ts";
import { CliError } from "../../../src/cli/exit-code.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "banditd-test-"));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function recordsIn(file: string): Promise<readonly CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const record of csvRecords(file)) records.push(record);
  return records;
}

function recordsOf(content: string): Promise<readonly CsvRecord[]> {
  const file = join(directory, "table.csv");
  writeFileSync(file, content);
  return recordsIn(file);
}

describe("the records of a CSV file", () => {
  it("come with their lines, titles first, without a byte order mark and without empty lines", async () => {
    const records = await recordsOf('\uFEFFa,b\n1,"two\nlines"\n\n3,4\n');
    expect(records.map(({ record, info }) => [info.lines, ...record])).toEqual([
      [1, "a", "b"],
      [3, "1", "two\nlines"],
      [5, "3", "4"],
    ]);
  });

  it("can be left early, and read again", async () => {
    const file = join(directory, "long.csv");
    writeFileSync(file, "a,b\n".repeat(100_000));
    for (let round = 0; round < 3; round += 1) {
      let seen = 0;
      for await (const _ of csvRecords(file)) {
        seen += 1;
        if (seen === 5) break;
      }
      expect(seen).toBe(5);
    }
  });

  it("pass on what the reader throws, as it is", async () => {
    const own = new Error("mine");
    const file = join(directory, "table.csv");
    writeFileSync(file, "a\n1\n");
    const reading = async () => {
      for await (const _ of csvRecords(file)) throw own;
    };
    await expect(reading()).rejects.toBe(own);
  });

  it.each([
    ["a file that is not there", () => "/no/such.csv", "there is no file /no/such.csv"],
    ["a directory", () => directory, "is a directory, not a CSV file"],
  ])("are refused for %s", async (_, path, message) => {
    const reading = recordsIn(path());
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toBeInstanceOf(CliError);
  });

  it.each([
    ["a row of another length", "a,b\n1\n"],
    ["a quote that does not end", 'a,b\n1,"2\n'],
  ])("are refused for %s", async (_, content) => {
    await expect(recordsOf(content)).rejects.toThrow("is not a valid CSV file");
  });
});
