import { InvalidArgumentError } from "commander";
import { badInput } from "./exit-code.ts";
import { parseNumber } from "./input/parse-number.ts";

/** Makes a commander parser for a whole number in [min, max]. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return numberWithin(min, max, { what: "whole number", isOne: Number.isInteger });
}

/** Makes a commander parser for a number in [min, max]. */
export function numberWithin(
  min: number,
  max: number,
  { what, isOne } = { what: "number", isOne: (_value: number) => true },
): (text: string) => number {
  return (text) => {
    const value = parseNumber(text) ?? Number.NaN;
    if (value >= min && value <= max && isOne(value)) return value;
    throw new InvalidArgumentError(`It must be a ${what} from ${min} to ${max}.`);
  };
}

/**
 * Numbers by their names, of an option that is given as `name=number` any number of times.
 * @param rule what each must be, e.g. `a name, =, and a number`
 * @throws CliError usage for one that breaks the rule, and for a name that is given twice
 */
export function namedNumbers(
  texts: readonly string[],
  { option, rule, isOne }: { option: string; rule: string; isOne: (value: number) => boolean },
): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const text of texts) {
    const at = text.lastIndexOf("=");
    const name = text.slice(0, at);
    const value = parseNumber(text.slice(at + 1).trim()) ?? Number.NaN;
    if (at < 1 || !isOne(value)) throw badInput(`${option} ${text}: must be ${rule}`);
    if (numbers.has(name)) throw badInput(`${option} ${name}: given twice`);
    numbers.set(name, value);
  }
  return numbers;
}

/** For options that may be given several times. */
export function append(text: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), text];
}

/** Parses where gRPC is to be spoken: `host:port`, or a target with a scheme of gRPC's such as `unix:/run/banditd.sock`. */
export function addressOption(text: string): string {
  const port = Number(/^[^\s/]+:(\d{1,5})$/.exec(text)?.[1] ?? Number.NaN);
  if ((port >= 1 && port <= 65_535) || /^(unix|dns|ipv4|ipv6):\S+$/.test(text)) return text;
  throw new InvalidArgumentError(
    "It must be a host and the port of gRPC, such as localhost:50051.",
  );
}
