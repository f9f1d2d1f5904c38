import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CliError } from "../../../../src/cli/exit-code.ts";
import { type CsvRecord, csvRecords } from "../../../../src/cli/input/csv-records.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const directory = temporaryDirectory();

/** Each with the line on which it ends. */
const withLines = (records: readonly CsvRecord[]) =>
  records.map(({ record, info }) => [info.lines, ...record]);

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
  it("come with their lines, titles first, without a byte order mark and without empty lines", async () => {
    const records = await recordsOf('\uFEFFa,b\n1,"two\nlines"\n\n3,4\n');
    expect(withLines(records)).toEqual([
      [1, "a", "b"],
      [3, "1", "two\nlines"],
      [5, "3", "4"],
    ]);
  });

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
  ])("are refused for %s", async (_, path, message) => {
    const reading = recordsIn(path());
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toBeInstanceOf(CliError);
  });

  it.each([
    ["LF", "a,b\n1,2\n3,4\n"],
    ["CRLF", "a,b\r\n1,2\r\n3,4\r\n"],
    ["CR", "a,b\r1,2\r3,4"],
    ["LF, then CRLF", "a,b\n1,2\r\n3,4\r\n"],
    ["CRLF, then LF and CR", "a,b\r\n1,2\n3,4\r"],
  ])("end with any line end: %s", async (_, content) => {
    expect(withLines(await recordsOf(content))).toEqual([
      [1, "a", "b"],
      [2, "1", "2"],
      [3, "3", "4"],
    ]);
  });

  it("may hold line breaks in quotes, which count as lines", async () => {
    const records = await recordsOf('a,b\r\n"x\r\ny",2\r\n3,4\r\n');
    expect(withLines(records)).toEqual([
      [1, "a", "b"],
      [3, "x\ny", "2"],
      [4, "3", "4"],
    ]);
  });

  it("are the same wherever the file is cut into pieces", async () => {
    const line = "ünï,cödé\r\n";
    const records = await recordsOf(line.repeat(20_000));
    expect(records).toHaveLength(20_000);
    expect(new Set(records.map(({ record }) => record.join("|")))).toEqual(new Set(["ünï|cödé"]));
  });

  it("are none in an empty file", async () => {
    expect(await recordsOf("")).toEqual([]);
    expect(await recordsOf("\uFEFF\n\r\n")).toEqual([]);
  });

  it.each<[string, string | Uint8Array, string]>([
    ["a row that is too short", "a,b\n1\n", "line 2 has 1 cells, and the title line has 2"],
    ["a row that is too long", "a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, and the title line has 2"],
    ["a quote that does not end", 'a,b\n1,2\n1,"2\n3,4\n', "line 3, column"],
    ["a quote in the middle", 'a,b\n1,he said "hi"\n', 'line 2, column "b": a quote in a cell'],
    ["more after a quote", 'a,b\n"1"x,2\n', 'line 2, column "a": something follows the quote'],
    ["a quote in the titles", 'a,b"c"\n', "line 1, column 2: a quote in a cell"],
    ["bytes that are no UTF-8", Uint8Array.of(97, 0xff, 0xfe, 10), "is not text in UTF-8"],
    ["UTF-16", new Uint8Array(Buffer.from("\uFEFFa,b\n", "utf16le")), "is not text in UTF-8"],
    ["a binary file", Uint8Array.of(0x7f, 69, 76, 70, 0, 0, 1), "holds a NUL character"],
  ])("are refused for %s", async (_, content, message) => {
    const reading = recordsOf(content);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toMatchObject({ exitCode: 2 });
    await expect(reading).rejects.toThrow("table.csv");
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
