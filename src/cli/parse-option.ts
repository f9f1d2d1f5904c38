import { InvalidArgumentError } from "commander";

/** Makes a commander parser for a whole number in [min, max]. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** Makes a commander parser for a number in [min, max]. */
export function numberWithin(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= min && value <= max)) {
      throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
    }
    return value;
  };
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
