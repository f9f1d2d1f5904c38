import { invariant } from "../../domain/errors.ts";
import { applyContributionsLua } from "./lua/apply-contributions.ts";
import { findDecisionsLua, recordDecisionsLua, restoreDecisionsLua } from "./lua/decisions.ts";
import { measureLua, outboxStateLua, removeLua } from "./lua/outbox.ts";
import {
  addBatchLua,
  confirmBatchLua,
  forgetBatchLua,
  leaveBatchesLua,
  lookAtBatchesLua,
} from "./lua/outbox-batches.ts";
import { outboxEndsLua, replaceTotalsLua, restoreLedgersLua } from "./lua/repair.ts";
import type { RedisClient } from "./redis-client.ts";

/**
 * For steps that lead to memory being freed: a server that is full runs them too. They take a few hundred bytes for
 * each process at most, and without them the outbox would stay as full as it is.
 */
function evenWhenFull(lua: string): string {
  return `#!lua flags=allow-oom\n${lua}`;
}

const scripts = {
  banditRecordDecisions: recordDecisionsLua,
  banditFindDecisions: findDecisionsLua,
  banditApplyContributions: applyContributionsLua,
  banditRestoreDecisions: restoreDecisionsLua,
  banditRestoreLedgers: restoreLedgersLua,
  banditReplaceTotals: replaceTotalsLua,
  banditOutboxEnds: outboxEndsLua,
  banditMeasure: measureLua,
  banditRemove: evenWhenFull(removeLua),
  banditOutboxState: outboxStateLua,
  banditLookAtBatches: evenWhenFull(lookAtBatchesLua),
  banditAddBatch: evenWhenFull(addBatchLua),
  banditConfirmBatch: evenWhenFull(confirmBatchLua),
  banditForgetBatch: evenWhenFull(forgetBatchLua),
  banditLeaveBatches: evenWhenFull(leaveBatchesLua),
};
export type ScriptName = keyof typeof scripts;
export type ScriptArgument = string | number | Buffer;

/** Makes the Lua steps known to the driver, which sends EVALSHA and, where the server has lost the text, EVAL. */
export function defineScripts(client: RedisClient): void {
  for (const [name, lua] of Object.entries(scripts)) client.defineCommand(name, { lua });
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
