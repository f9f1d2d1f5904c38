/** Takes a slot of the queues in the directory given as argument, appends one record, says its slot's content and waits to be killed. */
import { writeSync } from "node:fs";
import { SlottedDiskQueue } from "../../src/adapters/sqlite/slotted-disk-queue.ts";
import { lockDataDirectory } from "../../src/adapters/system/data-directory-lock.ts";
import { pinoLogger } from "../../src/adapters/system/pino-logger.ts";

const [directory, key] = process.argv.slice(2) as [string, string];
const { queue } = SlottedDiskQueue.open({
  directory,
  bytesMax: 2 ** 20,
  lock: lockDataDirectory,
  logger: pinoLogger("silent"),
});
await queue.append([{ key, text: `text of ${key}` }]);
writeSync(1, "ready\n");
setInterval(() => undefined, 60_000);
