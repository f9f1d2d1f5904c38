import { badInput, type CliError } from "../exit-code.ts";

/**
 * Bytes as text, without a byte order mark. Nothing is replaced without a word: a prompt or an arm with another
 * character in it would be another one.
 * @throws CliError usage for what is not UTF-8, or holds NUL as binary files do; it names the byte, the line and the
 * encoding that the text probably has
 */
export async function* decoded(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<string, void, undefined> {
  const place = new Place(name);
  for await (const part of bytes) yield place.pass(part);
  place.end();
}

/** How far a file was read. */
class Place {
  readonly #name: string;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  /** The beginning of the file, which says what it is. */
  #beginning: Uint8Array = Buffer.of();
  /** Of a character that the end of the last part has cut. */
  #tail: Uint8Array = Buffer.of();
  /** Bytes before the tail. */
  #offset = 0;
  #lineFeeds = 0;
  #carriageReturns = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** The text of the next part. */
  pass(part: Uint8Array): string {
    const bytes = this.#tail.length === 0 ? part : Buffer.concat([this.#tail, part]);
    if (this.#offset === 0) this.#beginning = bytes.subarray(0, beginningBytes);
    let text: string;
    try {
      text = this.#decoder.decode(part, { stream: true });
    } catch {
      throw this.#refusal(bytes, firstFault(bytes));
    }
    if (text.includes("\0")) throw this.#refusal(bytes, bytes.indexOf(0));
    const sound = bytes.length - cutBytes(bytes);
    this.#skip(bytes.subarray(0, sound));
    this.#tail = bytes.subarray(sound);
    return text;
  }

  /** @throws CliError usage when the last character is not whole */
  end(): void {
    if (this.#tail.length > 0) throw this.#refusal(this.#tail, 0);
  }

  #skip(bytes: Uint8Array): void {
    this.#offset += bytes.length;
    for (const byte of bytes) {
      if (byte === 10) this.#lineFeeds += 1;
      else if (byte === 13) this.#carriageReturns += 1;
    }
  }

  #refusal(bytes: Uint8Array, at: number): CliError {
    this.#skip(bytes.subarray(0, at));
    // CRLF counts once; a file that mixes CR with the others does not come from this century.
    const line = Math.max(this.#lineFeeds, this.#carriageReturns) + 1;
    const byte = (bytes[at] as number).toString(16).toUpperCase().padStart(2, "0");
    const guess = formatOf(this.#beginning) ?? encodingOf(bytes, at);
    return badInput(
      `${this.#name} line ${line}, byte ${this.#offset} (from 0): 0x${byte} where text in UTF-8 is needed; ${guess}`,
    );
  }
}

/** Where the first character that is none begins. */
function firstFault(bytes: Uint8Array): number {
  let sound = 0;
  let broken = bytes.length;
  while (broken - sound > 1) {
    const middle = (sound + broken) >>> 1;
    if (beginsSoundly(bytes.subarray(0, middle))) sound = middle;
    else broken = middle;
  }
  return sound - cutBytes(bytes.subarray(0, sound));
}

function beginsSoundly(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Bytes at the end that begin a character and do not end it, 0 to 3. */
function cutBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= 3; back += 1) {
    const byte = bytes.at(-back) ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
}

const beginningBytes = 4;
const unicode = (encoding: string): string => `the file is ${encoding}: save it as UTF-8`;
/** What a file is whose first bytes are these in hexadecimal. */
const formats: readonly (readonly [beginning: RegExp, guess: string])[] = [
  [/^fffe0000/, unicode("UTF-32LE")],
  [/^0000feff/, unicode("UTF-32BE")],
  [/^fffe/, unicode("UTF-16LE (Excel and PowerShell call it Unicode)")],
  [/^feff/, unicode("UTF-16BE")],
  [/^(?!00)..00(?!00)..00/, unicode("probably UTF-16LE")],
  [/^00(?!00)..00(?!00)/, unicode("probably UTF-16BE")],
  [/^504b0304/, "the file is a ZIP archive, perhaps an Excel workbook: save it as CSV UTF-8"],
  [/^d0cf11e0/, "the file is an old Excel workbook: save it as CSV UTF-8"],
  [/^1f8b/, "the file is compressed by gzip"],
  [/^28b52ffd/, "the file is compressed by zstd"],
  [/^50415231/, "the file is Parquet: export it as CSV"],
];

function formatOf(beginning: Uint8Array): string | undefined {
  const digits = Buffer.from(beginning).toString("hex");
  return formats.find(([pattern]) => pattern.test(digits))?.[1];
}

/** By the fault and its neighbours: accented letters of Latin-1 mostly stand alone among ASCII. */
function encodingOf(bytes: Uint8Array, at: number): string {
  const byte = bytes[at] as number;
  if (byte === 0) return "the file is binary";
  const isAlone = (bytes[at - 1] ?? 0) < 0x80 && (bytes[at + 1] ?? 0) < 0x80;
  if (isAlone && byte < 0xa0) return unicode("probably Windows-1252");
  if (isAlone) return unicode("probably Latin-1 (ISO 8859-1) or Windows-1252");
  return unicode("cut off, or in an older encoding such as Windows-1251, Shift_JIS or GB18030");
}
