import type { FieldViolation } from "./errors.ts";

/** An object or a list that is being read, and how it is reached. */
interface Open {
  readonly path: string;
  /** Names so far; undefined: a list. */
  readonly names: Set<string> | undefined;
  name: string;
  index: number;
}

const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs;

/**
 * What `JSON.parse` has changed without a word when it made `json` of the text: a name that stands twice in one object, a number
 * beyond the largest, and a whole number that no double holds. Each with its path, in the names of the text.
 */
export function findJsonFaults(text: string, json: unknown): readonly FieldViolation[] {
  if (!mayHaveFaults(text, json)) return [];
  const faults: FieldViolation[] = [];
  const stack: Open[] = [];
  let key: string | undefined;
  for (const [token] of text.matchAll(tokens)) {
    const top = stack.at(-1);
    if (token === "{" || token === "[") {
      stack.push({
        path: top === undefined ? "" : pathIn(top),
        names: token === "{" ? new Set() : undefined,
        ...{ name: "", index: 0 },
      });
    } else if (token === "}" || token === "]") {
      stack.pop();
    } else if (token === ",") {
      if (top !== undefined) top.index += 1;
    } else if (token === ":") {
      if (top?.names === undefined || key === undefined) continue;
      top.name = JSON.parse(key);
      if (top.names.has(top.name)) faults.push(fault(top, "stands twice in one object"));
      top.names.add(top.name);
    } else if (token.startsWith('"')) {
      key = token;
    } else if (top !== undefined && isChanged(token)) {
      faults.push(fault(top, `is ${token.slice(0, 32)}, which a double cannot hold; write a text`));
    }
  }
  return faults;
}

/**
 * False for nearly every text that has none, for a fifth of the price: all names are still there, and no number is long.
 * What looks like a name or a number inside of a text costs a closer look only.
 */
function mayHaveFaults(text: string, json: unknown): boolean {
  return longNumber.test(text) || (text.match(nameEnd)?.length ?? 0) !== countNames(json);
}

const longNumber = /(?<![\d.])\d{16}|\d[eE]\+?\d{3}/;
const nameEnd = /"\s*:/g;

function countNames(json: unknown): number {
  if (typeof json !== "object" || json === null) return 0;
  let count = 0;
  if (Array.isArray(json)) {
    for (const item of json) count += countNames(item);
    return count;
  }
  for (const name in json)
    count += 1 + countNames((json as Readonly<Record<string, unknown>>)[name]);
  return count;
}

/** True for a number that is read as another one; 0.1 is not, since every reader takes it for the same double. */
function isChanged(token: string): boolean {
  const value = Number(token);
  if (Number.isNaN(value)) return false;
  if (!Number.isFinite(value)) return true;
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(value) && BigInt(token) !== BigInt(value);
}

function fault(open: Open, description: string): FieldViolation {
  return { field: pathIn(open), description };
}

function pathIn({ path, names, name, index }: Open): string {
  if (names === undefined) return `${path}[${index}]`;
  return path === "" ? name : `${path}.${name}`;
}
