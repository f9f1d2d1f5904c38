import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CliError } from "../../../../src/cli/exit-code.ts";
import { type CsvRecord, csvRecords } from "../../../../src/cli/input/csv-records.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const directory = temporaryDirectory();

async function recordsIn(file: string): Promise<readonly CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const record of csvRecords(file)) records.push(record);
  return records;
}

function fileOf(content: string | Uint8Array, name = "table.csv"): string {
  const file = join(directory, name);
  writeFileSync(file, content);
  return file;
}

const recordsOf = (content: string | Uint8Array) => recordsIn(fileOf(content));

describe("the records of a CSV file", () => {
  it("can be left early, and read again", async () => {
    const file = fileOf("a,b\n".repeat(100_000));
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
    const file = fileOf("a\n1\n");
    const reading = async () => {
      for await (const _ of csvRecords(file)) throw own;
    };
    await expect(reading()).rejects.toBe(own);
  });

  it.each([
    ["a file that is not there", () => "/no/such.csv", "there is no file /no/such.csv"],
    ["a directory", () => directory, "is a directory, not a file"],
    ["standard input", () => "-", "- is no stored file; it is read twice, so write it to one"],
    ["what is no stored file", () => "/dev/null", "/dev/null is no stored file"],
  ])("are refused for %s", async (_, path, message) => {
    const reading = recordsIn(path());
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toBeInstanceOf(CliError);
  });

  it("are the same wherever the file is cut into pieces", async () => {
    const line = "ünï,cödé\r\n";
    const records = await recordsOf(line.repeat(20_000));
    expect(records).toHaveLength(20_000);
    expect(new Set(records.map(({ record }) => record.join("|")))).toEqual(new Set(["ünï|cödé"]));
  });

  it("are refused when the file may not be read", async () => {
    const file = fileOf("a\n", "secret.csv");
    chmodSync(file, 0o000);
    // The superuser may read everything: then the records are there.
    const reading = recordsIn(file);
    if (process.getuid?.() === 0) expect(await reading).toHaveLength(1);
    else await expect(reading).rejects.toThrow("secret.csv may not be read");
  });
});
