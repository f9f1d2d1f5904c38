/**
 * Appends to the queue in the directory given as argument, several records at a time and removing some, until it
 * is killed or an append is refused; then it makes room and appends one more. Prints `+<key>` once an append has
 * resolved, `-<key>` before a removal. With a third argument it removes nothing before it is full and everything
 * then, as many bytes at once as that says, as what waits in a spool is removed.
 */
import { SqliteDiskQueue } from "../../src/adapters/sqlite/sqlite-disk-queue.ts";
import { BanditError } from "../../src/domain/errors.ts";
import { writeLine } from "./write-line.ts";

const [directory, bytesPerRecord = "200", removedBytes] = process.argv.slice(2) as [
  string,
  string?,
  string?,
];
const queue = SqliteDiskQueue.open({ directory, bytesMax: 2 ** 30, logBytesMax: 2 ** 18 });
const life = `${process.pid}-${Date.now()}`;
let made = 0;

async function write(): Promise<void> {
  for (;;) {
    const records = [1, 2].map(() => {
      made += 1;
      const key = `${life}-${made}`;
      return { key, text: `${key}:`.padEnd(Number(bytesPerRecord), key) };
    });
    await queue.append(records);
    for (const { key } of records) writeLine(`+${key}`);
    if (removedBytes === undefined && made % 5 === 0) {
      const [oldest] = queue.read({ bytesMax: 1 });
      if (oldest === undefined) continue;
      writeLine(`-${oldest.key}`);
      await queue.remove([oldest.id]);
    }
  }
}

async function removeAll(bytesMax: number): Promise<void> {
  for (;;) {
    const oldest = queue.read({ bytesMax });
    if (oldest.length === 0) return;
    await queue.remove(oldest.map(({ id }) => id));
    for (const { key } of oldest) writeLine(`-${key}`);
  }
}

async function appendLast(): Promise<void> {
  await queue.append([{ key: "after", text: "after:".padEnd(Number(bytesPerRecord), "after") }]);
  writeLine("+after");
}

/**
 * Removes 50 records at a time until one can be appended. On a busy machine the log has grown to twice its bound and one
 * group of appends before its copying finds no room, and all of that has to find room in the file first.
 */
async function makeRoomForOne(removals: number): Promise<void> {
  const oldest = queue.read({ bytesMax: 2 ** 30 }).slice(0, 50);
  for (const { key } of oldest) writeLine(`-${key}`);
  await queue.remove(oldest.map(({ id }) => id));
  await appendLast().catch((error: unknown) => {
    if (!isFull(error) || removals === 1) throw error;
    return makeRoomForOne(removals - 1);
  });
}

const isFull = (error: unknown) =>
  error instanceof BanditError && error.reason === "DISK_QUEUE_FULL";

// All of them: one that is refused later than the others would take the room that is being made.
const ends = await Promise.allSettled(Array.from({ length: 16 }, write));
for (const end of ends.slice(0, 1)) {
  if (end.status === "fulfilled") continue;
  const error: unknown = end.reason;
  writeLine(`!${error instanceof BanditError ? error.reason : String(error)}`);
  if (removedBytes === undefined) {
    await makeRoomForOne(4);
  } else {
    await removeAll(Number(removedBytes));
    await appendLast();
  }
  await queue.close();
}
