const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * A number in decimal digits, with an exponent if need be.
 * @returns undefined for anything else: hexadecimal digits, thousands separators, spaces, NaN, Infinity, an empty text,
 * and what a double cannot hold, be it too large or so small that it would become 0
 */
export function parseNumber(text: string): number | undefined {
  if (!decimal.test(text)) return undefined;
  const value = Number(text);
  const isLost = value === 0 && /^[^eE]*[1-9]/.test(text);
  return Number.isFinite(value) && !isLost ? value : undefined;
}
