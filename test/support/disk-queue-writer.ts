/**
 * Appends to the queue in the directory given as argument, several records at a time and removing some, until it
 * is killed or an append is refused; then it makes room and appends one more. Prints `+<key>` once an append has
 * resolved, `-<key>` before a removal.
 */
import { writeSync } from "node:fs";
import { LmdbDiskQueue } from "../../src/adapters/lmdb/lmdb-disk-queue.ts";
import { BanditError } from "../../src/domain/errors.ts";

const [directory, bytesPerRecord = "200"] = process.argv.slice(2) as [string, string?];
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
    if (made % 5 === 0) {
      const [oldest] = queue.read({ bytesMax: 1 });
      if (oldest === undefined) continue;
      writeSync(1, `-${oldest.key}\n`);
      await queue.remove([oldest.id]);
    }
  }
}

try {
  await Promise.all(Array.from({ length: 16 }, write));
} catch (error) {
  writeSync(1, `!${error instanceof BanditError ? error.reason : String(error)}\n`);
  const oldest = queue.read({ bytesMax: 2 ** 30 }).slice(0, 50);
  for (const { key } of oldest) writeSync(1, `-${key}\n`);
  await queue.remove(oldest.map(({ id }) => id));
  await queue.append([{ key: "after", text: "after:".padEnd(Number(bytesPerRecord), "after") }]);
  writeSync(1, "+after\n");
  await queue.close();
}
