import { expect, test } from "vitest";
import { readResult } from "../../../../src/adapters/clickhouse/query-result.ts";

const limits = { rowsMax: 1_000_000, bytesMax: 8 * 1024 * 1024 };
const head = '["n","t"]\n["UInt8","String"]\n';

async function* piecesOf(text: string, pieceBytes: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

test.each([1, 2, 7, 1_000])(
  "lines may be cut anywhere, here every %i bytes",
  async (pieceBytes) => {
    const text = `${head}[1,"ä\\n😀"]\n[2,""]\n`;
    expect(await readResult(piecesOf(text, pieceBytes), limits)).toEqual({
      columns: [
        { name: "n", type: "UInt8" },
        { name: "t", type: "String" },
      ],
      rows: [
        [1, "ä\n😀"],
        [2, ""],
      ],
      truncated: false,
    });
  },
);

test("a last line without an end is a row too", async () => {
  expect((await readResult(piecesOf(`${head}[1,"a"]`, 5), limits)).rows).toEqual([[1, "a"]]);
});

test("a line that never ends is given up, not collected", async () => {
  let given = 0;
  async function* endless() {
    yield Buffer.from(head);
    for (;;) {
      given += 1024 * 1024;
      yield Buffer.alloc(1024 * 1024, "x");
    }
  }
  await expect(readResult(endless(), limits)).rejects.toMatchObject({ reason: "QUERY_TOO_LARGE" });
  expect(given).toBeLessThan(10 * 1024 * 1024);
});

test("100,000 rows leave the event loop a turn every 64 KB", async () => {
  const text = head + `[1,"${"a".repeat(70)}"]\n`.repeat(100_000);
  let turns = 0;
  let on = true;
  const tick = () => {
    turns += 1;
    if (on) setImmediate(tick);
  };
  setImmediate(tick);
  const { rows } = await readResult(piecesOf(text, 16 * 1024 * 1024), limits);
  on = false;
  expect(rows.length).toBe(100_000);
  expect(turns).toBeGreaterThan(100);
});
