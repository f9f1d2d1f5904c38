import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/**
 * The text of a file that is made by the first process that asks for it, readable by its owner only. It appears under its
 * name complete or not at all, however many processes start at once.
 */
export function makeOnce(path: string, make: () => string): string {
  // Not by process id: in a container it is always the same, and a draft that a crash has left may be the file itself.
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, make(), { mode: 0o600, flush: true });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(path, "utf8").trim();
}
