import { invariant } from "../../domain/errors.ts";
import { luaSource } from "./lua-source.ts";
import type { RedisClient } from "./redis-client.ts";

/**
 * The files in `lua/`, each a step that is atomic within one partition. Where the number of keys is fixed the name ends
 * with it. Those with the flag allow-oom lead to memory being freed, so a server that is full runs them too: they take a few
 * hundred bytes for each process at most, and without them the outbox would stay as full as it is.
 */
export const scriptNames = [
  "add-batch-2",
  "apply-contributions",
  "confirm-batch-1",
  "find-decisions",
  "forget-batch-1",
  "leave-batches-1",
  "look-at-batches-2",
  "measure-outbox-1",
  "outbox-ends-1",
  "outbox-state-2",
  "record-decisions",
  "remove-entries-2",
  "replace-totals-2",
  "restore-decisions",
  "restore-ledgers",
] as const;
export type ScriptName = (typeof scriptNames)[number];
export type ScriptArgument = string | number | Buffer;

const sources = new Map(scriptNames.map((name) => [name, luaSource(name)]));

/** Makes the Lua steps known to the driver, which sends EVALSHA and, where the server has lost the text, EVAL. */
export function defineScripts(client: RedisClient): void {
  for (const [name, lua] of sources) client.defineCommand(name, { lua });
}

/** Runs one Lua step; bulk strings of the reply are buffers. Rejects with the driver's error. */
export function runScript(
  client: RedisClient,
  name: ScriptName,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<unknown> {
  const commands = client as unknown as Record<
    string,
    ((...args: ScriptArgument[]) => Promise<unknown>) | undefined
  >;
  const method = `${name}Buffer`;
  invariant(commands[method] !== undefined, `script ${name} is not defined`);
  return commands[method](keys.length, ...keys, ...args);
}
