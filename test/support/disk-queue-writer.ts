/**
 * Appends to the queue in the directory given as argument, several records at a time and removing some, until it
 * is killed or an append is refused; then it makes room and appends one more. Prints `+<key>` once an append has
 * resolved, `-<key>` before a removal. With a third argument it removes nothing before it is full and everything
 * then, as many bytes at once as that says, as what waits in a spool is removed.
 */
import { writeSync } from "node:fs";
import { LmdbDiskQueue } from "../../src/adapters/lmdb/lmdb-disk-queue.ts";
import { BanditError } from "../../src/domain/errors.ts";

const [directory, bytesPerRecord = "200", removedBytes] = process.argv.slice(2) as [
  string,
  string?,
  string?,
];
const queue = LmdbDiskQueue.open({ directory, bytesMax: 2 ** 30 });
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
    // Synchronous: what the parent has read was acknowledged before the kill.
    for (const { key } of records) writeSync(1, `+${key}\n`);
    if (removedBytes === undefined && made % 5 === 0) {
      const [oldest] = queue.read({ bytesMax: 1 });
      if (oldest === undefined) continue;
      writeSync(1, `-${oldest.key}\n`);
      await queue.remove([oldest.id]);
    }
  }
}

async function removeAll(bytesMax: number): Promise<void> {
  for (;;) {
    const oldest = queue.read({ bytesMax });
    if (oldest.length === 0) return;
    await queue.remove(oldest.map(({ id }) => id));
    for (const { key } of oldest) writeSync(1, `-${key}\n`);
  }
}

// All of them: one that is refused later than the others would take the room that is being made.
const ends = await Promise.allSettled(Array.from({ length: 16 }, write));
for (const end of ends.slice(0, 1)) {
  if (end.status === "fulfilled") continue;
  const error: unknown = end.reason;
  writeSync(1, `!${error instanceof BanditError ? error.reason : String(error)}\n`);
  if (removedBytes === undefined) {
    const oldest = queue.read({ bytesMax: 2 ** 30 }).slice(0, 50);
    for (const { key } of oldest) writeSync(1, `-${key}\n`);
    await queue.remove(oldest.map(({ id }) => id));
  } else {
    await removeAll(Number(removedBytes));
  }
  await queue.append([{ key: "after", text: "after:".padEnd(Number(bytesPerRecord), "after") }]);
  writeSync(1, "+after\n");
  await queue.close();
}
