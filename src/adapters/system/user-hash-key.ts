import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BanditError } from "../../domain/errors.ts";

const keyLengthMin = 16;

/**
 * The key of the user-id hash that belongs to an existing data directory: made at the first start, the same ever
 * after. It appears under its name complete or not at all, however many processes start at once.
 * @throws BanditError failed_precondition when the file holds no key: an empty one would let anybody
 * recompute the hashes.
 */
export function userHashKeyOf(dataDir: string): string {
  const path = join(dataDir, "user-hash.key");
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, randomBytes(32).toString("hex"), { mode: 0o600, flush: true });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const key = readFileSync(path, "utf8").trim();
  if (key.length >= keyLengthMin) return key;
  throw new BanditError(
    "failed_precondition",
    `${path} holds no key of at least ${keyLengthMin} characters; restore it, or set BANDIT_USER_HASH_KEY`,
    { reason: "USER_HASH_KEY_UNUSABLE" },
  );
}
