/** Codes of SQLite (https://sqlite.org/rescode.html) that mean: no room on the disk, in the quota, or in a file as large as it may be. */
const noRoomCodes: ReadonlySet<number> = new Set([
  13, // SQLITE_FULL
  778, // SQLITE_IOERR_WRITE: what a write that ends short for another reason than ENOSPC gives
  4874, // SQLITE_IOERR_SHMSIZE: the index of the log
]);
const noRoomErrors: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
/** SQLITE_CORRUPT and SQLITE_NOTADB, in the low byte. */
const damagedCodes: ReadonlySet<number> = new Set([11, 26]);

/** An error of SQLite itself; a TypeError or the like, or a broken invariant, is ours. */
export function isOfSqlite(error: unknown): error is Error & { readonly errcode: number } {
  return error instanceof Error && (error as { code?: unknown }).code === "ERR_SQLITE_ERROR";
}

/** An error of a system call. */
export function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";
}

export function tellsOfNoRoom(error: unknown): boolean {
  if (isOfSystem(error)) return noRoomErrors.has(error.code ?? "");
  return isOfSqlite(error) && noRoomCodes.has(error.errcode);
}

/** The file belongs to another program. */
export class ForeignFileError extends Error {}

export function tellsOfDamage(error: unknown): boolean {
  if (error instanceof ForeignFileError) return true;
  return isOfSqlite(error) && damagedCodes.has(error.errcode & 0xff);
}
