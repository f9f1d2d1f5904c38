import type { Refusal, Result } from "../../statistics/result.ts";

/** Parts of a result under the names that they have in JSON; all null, and why, where it was refused. */
export type ResultJson<Value, Names extends Readonly<Record<string, keyof Value>>> = {
  readonly [Name in keyof Names]: Exclude<Value[Names[Name]], undefined> | null;
} & { readonly refusal: Refusal | null };

/** @param names of parts of the value, by their names in JSON */
export function resultJson<Value, const Names extends Readonly<Record<string, keyof Value>>>(
  result: Result<Value>,
  names: Names,
): ResultJson<Value, Names> {
  const parts = Object.entries(names).map(([name, part]) => [
    name,
    result.ok ? (result.value[part] ?? null) : null,
  ]);
  const refusal = result.ok ? null : result.refusal;
  return { ...Object.fromEntries(parts), refusal };
}
