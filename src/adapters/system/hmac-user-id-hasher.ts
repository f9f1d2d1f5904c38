import { createHmac } from "node:crypto";
import type { UserIdHasher } from "../../ports/user-id-hasher.ts";

/**
 * HMAC-SHA-256 of the user id, cut to 128 bits: without the key nobody can test a guess, which a plain
 * hash of an e-mail address would allow.
 * @param key at least 16 characters; every replica needs the same one.
 */
export function hmacUserIdHasher(key: string): UserIdHasher {
  return {
    hash: (userId) =>
      userId === "" ? "" : createHmac("sha256", key).update(userId).digest("hex").slice(0, 32),
  };
}

/** Keeps user ids as they are, for operators who have decided to. */
export const clearUserIds: UserIdHasher = { hash: (userId) => userId };
