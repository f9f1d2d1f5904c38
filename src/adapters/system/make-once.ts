import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/**
 * The text of a file that is made by the first process that asks for it, readable by its owner only. It appears under its
 * name complete or not at all, however many processes start at once.
 */
export function makeOnce(path: string, make: () => string): string {
  const draft = `${path}.${process.pid}`;
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
