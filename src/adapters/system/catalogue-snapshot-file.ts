import { join } from "node:path";
import type { PolicyRecord } from "../../domain/policy.ts";
import type { Variant } from "../../domain/variant.ts";
import type { AgentTypeRecord, CatalogueSnapshot } from "../../ports/catalogue.ts";
import type { CatalogueSnapshots, SavedCatalogue } from "../../ports/catalogue-snapshots.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { SnapshotFile } from "./snapshot-file.ts";

/**
 * Of the records as they stand in the file. A change that adds, removes or changes a field of a policy, a variant or
 * an agent type raises it: the test that pins the fields says so.
 */
const version = 1;
const bytesMax = 256 * 2 ** 20;

type Line =
  | { readonly catalogue: Pick<CatalogueSnapshot, "revision" | "serviceMode"> }
  | { readonly agentType: AgentTypeRecord }
  | { readonly policy: PolicyRecord }
  | { readonly variant: Variant };

/** The catalogue's snapshot in `catalogue-snapshot.json` of the data directory, a record a line. */
export function catalogueSnapshotFile(options: {
  directory: string;
  clock: Clock;
  logger: Logger;
}): CatalogueSnapshots {
  const file = new SnapshotFile({
    path: join(options.directory, "catalogue-snapshot.json"),
    format: "banditd-catalogue",
    version,
    bytesMax,
    clock: options.clock,
    logger: options.logger,
  });
  return {
    async find(): Promise<SavedCatalogue | undefined> {
      const found = await file.read();
      if (found === undefined) return undefined;
      const lines = found.lines.map((line) => JSON.parse(line) as Line);
      const [head] = lines.flatMap((line) => ("catalogue" in line ? [line.catalogue] : []));
      if (head === undefined) return undefined;
      return {
        savedAtMs: found.savedAtMs,
        snapshot: {
          ...head,
          agentTypes: lines.flatMap((line) => ("agentType" in line ? [line.agentType] : [])),
          policies: lines.flatMap((line) => ("policy" in line ? [line.policy] : [])),
          variants: lines.flatMap((line) => ("variant" in line ? [line.variant] : [])),
        },
      };
    },
    save: (snapshot) => file.write(linesOf(snapshot)),
  };
}

function* linesOf(snapshot: CatalogueSnapshot): Iterable<string> {
  const { revision, serviceMode, agentTypes, policies, variants } = snapshot;
  const line = (content: Line): string => JSON.stringify(content);
  yield line({ catalogue: { revision, serviceMode } });
  for (const agentType of agentTypes) yield line({ agentType });
  for (const policy of policies) yield line({ policy });
  for (const variant of variants) yield line({ variant });
}
