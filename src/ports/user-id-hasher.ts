/** Turns a user's id into what may be stored (invariant I6). */
export interface UserIdHasher {
  /** 32 hexadecimal digits, the same for the same id and key; empty for an empty id. */
  hash(userId: string): string;
}
