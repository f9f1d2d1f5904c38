import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { BanditError } from "../../domain/errors.ts";

/**
 * Makes a data directory, and the directories above it, where they are missing. One at a time, because
 * Node's own recursive way never ends where the kernel refuses a directory below an existing one (/proc).
 * @throws BanditError failed_precondition when it cannot be made.
 */
export function makeDataDirectory(directory: string): void {
  const path = resolve(directory);
  if (existsSync(path)) return;
  makeDataDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have made it at the same moment.
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw new BanditError("failed_precondition", `the data directory ${path} cannot be made`, {
      reason: "DATA_DIRECTORY_NOT_WRITABLE",
      cause: error,
    });
  }
}
