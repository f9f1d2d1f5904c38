import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeOnce } from "./make-once.ts";

/**
 * Tells the event log in a directory from every other one: made when it is first asked for, the same ever after, also
 * after the directory was moved or restored.
 */
export function embeddedLogId(directory: string): string {
  mkdirSync(directory, { recursive: true });
  return makeOnce(join(directory, "event-log.id"), randomUUID);
}
