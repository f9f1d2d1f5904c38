import { join } from "node:path";
import type { Clock } from "../../ports/clock.ts";
import type { PosteriorSnapshots } from "../../ports/posterior-snapshots.ts";
import type { ArmTotals } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { SnapshotFile } from "./snapshot-file.ts";

/** Of the arms as they stand in the file; raised when `ArmTotals` changes. */
const version = 1;
/** About 300,000 arms without a context. */
const bytesMaxDefault = 64 * 2 ** 20;

/** The posteriors' snapshot in `posteriors-snapshot.json` of the data directory, an arm a line. */
export function posteriorSnapshotFile(options: {
  directory: string;
  clock: Clock;
  logger: Logger;
  /** Default 64 MiB. */
  bytesMax?: number;
}): PosteriorSnapshots {
  const file = new SnapshotFile({
    path: join(options.directory, "posteriors-snapshot.json"),
    format: "banditd-posteriors",
    version,
    bytesMax: options.bytesMax ?? bytesMaxDefault,
    clock: options.clock,
    logger: options.logger,
  });
  return {
    async find() {
      const found = await file.read();
      if (found === undefined) return undefined;
      const arms = found.lines.map((line) => JSON.parse(line) as ArmTotals);
      return { arms, savedAtMs: found.savedAtMs };
    },
    save: (arms) => file.write(linesOf(arms)),
  };
}

function* linesOf(arms: Iterable<ArmTotals>): Iterable<string> {
  for (const { agentType, codeType, variantId, totals, version: armVersion } of arms) {
    yield JSON.stringify({ agentType, codeType, variantId, totals, version: armVersion });
  }
}
