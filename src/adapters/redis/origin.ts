import { randomUUID } from "node:crypto";
import type { StateOrigin } from "../../ports/state-repair.ts";

/**
 * The origin as the meta hash has it: `found:<Unix milliseconds>:<UUID>` by a process that found none, with the
 * moment when the whole store was empty, or 0; `restored:<UUID>` by a rebuild that has put everything in its place.
 */
export function foundOrigin(emptyAtMs: number): string {
  return `found:${emptyAtMs}:${randomUUID()}`;
}

export function restoredOrigin(): string {
  return `restored:${randomUUID()}`;
}

export function parseOrigin(text: string): StateOrigin {
  const [how, emptyAtMs] = text.split(":");
  const restored = how === "restored";
  return { id: text, restored, emptyAtMs: restored ? 0 : Number(emptyAtMs) };
}
