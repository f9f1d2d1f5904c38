import { setImmediate as nextTurn } from "node:timers/promises";
import { BanditError } from "../../domain/errors.ts";
import type { QueryResult } from "../../ports/event-log.ts";

/** About a millisecond of parsing; the event loop has a turn after each. */
const sliceBytes = 64 * 1024;
const lineFeed = 10;

/**
 * Reads a result in the format JSONCompactEachRowWithNamesAndTypes, one row a line, as far as it is
 * wanted: up to `rowsMax` rows and `bytesMax` bytes.
 * @throws BanditError resource_exhausted when not even one row is within `bytesMax`
 * @throws SyntaxError when it is not in that format
 */
export async function readResult(
  stream: AsyncIterable<Uint8Array>,
  limits: { readonly rowsMax: number; readonly bytesMax: number },
): Promise<Pick<QueryResult, "columns" | "rows" | "truncated">> {
  const head: string[][] = [];
  const rows: unknown[][] = [];
  let bytes = 0;
  const result = (truncated: boolean) => {
    const [names = [], types = []] = head;
    return { columns: names.map((name, at) => ({ name, type: types[at] ?? "" })), rows, truncated };
  };
  let parsed = 0;
  for await (const line of linesOf(stream, limits.bytesMax)) {
    bytes += line.length + 1;
    if (head.length < 2) {
      head.push(JSON.parse(line.toString()));
      continue;
    }
    if (rows.length === limits.rowsMax) return result(true);
    if (bytes > limits.bytesMax) {
      if (rows.length > 0) return result(true);
      throw new BanditError(
        "resource_exhausted",
        `one row of the result has more than ${limits.bytesMax} bytes`,
        { reason: "QUERY_TOO_LARGE" },
      );
    }
    rows.push(JSON.parse(line.toString()));
    parsed += line.length;
    if (parsed >= sliceBytes) {
      parsed = 0;
      await nextTurn();
    }
  }
  return result(false);
}

/** Lines without their ends. One longer than `bytesMax` is given as far as it was read. */
async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let held = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, at)) {
      pieces.push(bytes.subarray(at, end));
      yield pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
      pieces = [];
      held = 0;
      at = end + 1;
    }
    pieces.push(bytes.subarray(at));
    held += bytes.length - at;
    if (held > bytesMax) break;
  }
  if (held > 0) yield Buffer.concat(pieces);
}
