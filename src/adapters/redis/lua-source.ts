import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultRewardComponent } from "../../domain/contribution.ts";
import { invariant } from "../../domain/errors.ts";
import { outboxEntryBytesMax } from "../../ports/outbox-bounds.ts";

/** What a script may ask for by `--- @constant <name>`: written once, in TypeScript. */
const constants: Readonly<Record<string, string | number>> = {
  defaultRewardComponent,
  outboxEntryBytesMax,
};

/** Beside this file, so found from every working directory. */
const directory = join(import.meta.dirname, "lua");

/**
 * The whole text of a script in `lua/`: of each `--- @include "<name>"` the file in `lua/includes`, once, and of each
 * `--- @constant <name>` a local with its value. A `#!lua` line with flags stays the first one.
 * @param read of a path below `lua`; replaced by tests
 */
export function luaSource(name: string, read: (path: string) => string = readLua): string {
  const done = new Set<string>();
  const resolve = (path: string): string =>
    read(path).replaceAll(/^--- @(\w+) "?([\w-]+)"?$/gm, (line, kind: string, wanted: string) => {
      if (done.has(line)) return "";
      done.add(line);
      if (kind === "include") return resolve(`includes/${wanted}.lua`);
      const value = kind === "constant" ? constants[wanted] : undefined;
      invariant(value !== undefined, `${path}: there is nothing for ${line}`);
      return `local ${wanted} = ${typeof value === "number" ? value : `'${value}'`}`;
    });
  return resolve(`${name}.lua`);
}

function readLua(path: string): string {
  return readFileSync(join(directory, path), "utf8");
}
