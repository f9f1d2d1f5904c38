type Defined<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

/** The same fields without those that are undefined: an absent field of the domain has no key. */
export function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  const result: Defined<Fields> = {};
  for (const name of Object.keys(fields) as (keyof Fields)[]) {
    const value = fields[name];
    if (value !== undefined) result[name] = value as Exclude<Fields[typeof name], undefined>;
  }
  return result;
}
