import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The key of the user-id hash that belongs to a data directory: made at the first start, the same ever
 * after. Replicas that share a Redis need a common key from the configuration instead.
 */
export function userHashKeyOf(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, "user-hash.key");
  try {
    writeFileSync(path, randomBytes(32).toString("hex"), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readFileSync(path, "utf8").trim();
}
