/** A write that ends short, as one on a full disk does, is an input/output error to LMDB. */
const noRoom =
  /MDB_MAP_FULL|ENOSPC|No space left|EDQUOT|quota exceeded|EFBIG|File too large|EIO\b|Input\/output error/i;

/** Whether a failed commit found no room: on the disk, in the quota, in a file as large as it may be, or in the map. */
export function tellsOfNoRoom(error: unknown): boolean {
  return error instanceof Error && noRoom.test(error.message);
}
