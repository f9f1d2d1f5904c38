import { describe, expect, it } from "vitest";
import { BanditError } from "../../../../src/domain/errors.ts";
import { parseAgentType } from "../../../../src/domain/ids.ts";
import type { Catalogue, CatalogueSnapshot } from "../../../../src/ports/catalogue.ts";
import { CatalogueCache } from "../../../../src/service/catalogue/catalogue-cache.ts";
import { catalogueSnapshot } from "../../../support/catalogue-samples.ts";
import { silentLogger } from "../../../support/state-samples.ts";

const empty: CatalogueSnapshot = { ...catalogueSnapshot([], []), agentTypes: [] };

/** An empty catalogue that counts how often it is read, and can be out of reach. */
function emptyCatalogue() {
  const seen = { loads: 0, reachable: true };
  const catalogue: Pick<Catalogue, "load" | "onChange"> = {
    async load() {
      seen.loads += 1;
      if (!seen.reachable) throw new BanditError("unavailable", "down", { reason: "DOWN" });
      return empty;
    },
    onChange: () => () => undefined,
  };
  return { seen, catalogue: catalogue as Catalogue };
}

const nobody = parseAgentType("nobody");

describe("catalogue in memory", () => {
  it("reads once for all unknown names asked for at once, and not again within 200 ms", async () => {
    const { seen, catalogue } = emptyCatalogue();
    const cache = await CatalogueCache.load(catalogue, silentLogger);
    seen.loads = 0;
    const ask = (calls: number) =>
      Promise.allSettled(Array.from({ length: calls }, () => cache.getAgentType(nobody)));
    const startedMs = performance.now();
    for (const { status } of await ask(500)) expect(status).toBe("rejected");
    expect(seen.loads).toBe(1);
    await ask(500);
    expect(seen.loads).toBe(2);
    expect(performance.now() - startedMs).toBeGreaterThan(190);
  });

  it("does not call a name unknown while the catalogue cannot tell", async () => {
    const { seen, catalogue } = emptyCatalogue();
    const cache = await CatalogueCache.load(catalogue, silentLogger);
    seen.reachable = false;
    await expect(cache.getAgentType(nobody)).rejects.toMatchObject({ reason: "DOWN" });
    seen.reachable = true;
    await expect(cache.getAgentType(nobody)).rejects.toMatchObject({
      reason: "AGENT_TYPE_NOT_FOUND",
    });
  });

  it("begins with a snapshot, is stale until the catalogue was read, and tells of it then", async () => {
    const { seen, catalogue } = emptyCatalogue();
    seen.reachable = false;
    const snapshot = { ...empty, serviceMode: "frozen" } as const;
    const cache = CatalogueCache.fromSnapshot(catalogue, silentLogger, { snapshot, savedAtMs: 5 });
    let changes = 0;
    cache.onChange(() => {
      changes += 1;
    });
    expect(cache).toMatchObject({ stale: true, savedAtMs: 5 });
    await expect(cache.refresh()).rejects.toMatchObject({ reason: "DOWN" });
    expect(cache).toMatchObject({ stale: true, savedAtMs: 5 });
    expect(cache.view.snapshot.serviceMode).toBe("frozen");
    seen.reachable = true;
    // The same revision: another database may have been put in the place of the old one.
    await cache.refresh();
    expect(cache).toMatchObject({ stale: false, savedAtMs: undefined });
    expect(cache.view.snapshot.serviceMode).toBe("learning");
    expect(changes).toBe(1);
    await cache.refresh();
    expect(changes).toBe(1);
  });
});
