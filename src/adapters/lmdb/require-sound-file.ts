import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

/** Where `struct MDB_meta` has its fields in a meta page of lmdb 3.5, behind a page header of 24 bytes. */
const magicAt = 24;
const pageSizeAt = 48;
const fieldsEnd = 52;
const magic = 0xbeefc0de;

/**
 * Looks whether the two meta pages of a `data.mdb` are there, because lmdb 3.5 does not report a file that is none
 * of its own: it ends the process. Says nothing about the other pages: the file may well be shorter than what the
 * meta page counts, as pages that were used and freed in one transaction are never written. A missing or empty
 * file is sound.
 * @throws Error saying what is wrong.
 */
export function requireSoundFile(path: string): void {
  if (!existsSync(path)) return;
  const handle = openSync(path, "r");
  try {
    if (fstatSync(handle).size === 0) return;
    const pageSize = readPageSize(handle, 0);
    if (pageSize === undefined || readPageSize(handle, pageSize) === undefined) {
      throw new Error(`${path} is no LMDB file`);
    }
  } finally {
    closeSync(handle);
  }
}

/** Undefined where there is no meta page. */
function readPageSize(handle: number, position: number): number | undefined {
  const page = Buffer.alloc(fieldsEnd);
  if (readSync(handle, page, 0, fieldsEnd, position) < fieldsEnd) return undefined;
  return page.readUInt32LE(magicAt) === magic ? page.readUInt32LE(pageSizeAt) : undefined;
}
