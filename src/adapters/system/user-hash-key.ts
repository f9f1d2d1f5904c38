import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { BanditError } from "../../domain/errors.ts";
import { makeOnce } from "./make-once.ts";

const keyLengthMin = 16;

/**
 * The key of the user-id hash that belongs to an existing data directory: made at the first start, the same ever
 * after.
 * @throws BanditError failed_precondition when the file holds no key: an empty one would let anybody
 * recompute the hashes.
 */
export function userHashKeyOf(dataDir: string): string {
  const path = join(dataDir, "user-hash.key");
  const key = makeOnce(path, () => randomBytes(32).toString("hex"));
  if (key.length >= keyLengthMin) return key;
  throw new BanditError(
    "failed_precondition",
    `${path} holds no key of at least ${keyLengthMin} characters; restore it, or set BANDIT_USER_HASH_KEY`,
    { reason: "USER_HASH_KEY_UNUSABLE" },
  );
}
