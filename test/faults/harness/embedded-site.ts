import { rm } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { toJson } from "@bufbuild/protobuf";
import { ListValueSchema } from "@bufbuild/protobuf/wkt";
import { ChdbProcessConnection } from "../../../src/adapters/clickhouse/chdb-connection.ts";
import { type BanditClient, createBanditClient } from "../../../src/client/index.ts";
import { makeDirectoryWithData } from "../../support/prepared-data.ts";
import { createAgentTypes } from "./agent-types.ts";
import type { FaultSite } from "./fault.ts";
import type { EngineQuery } from "./logged-events.ts";
import { ServiceProcess } from "./service-process.ts";

/** The service on the embedded three: everything it has is in its own directory and dies with it. */
export interface EmbeddedSite extends FaultSite {
  readonly service: ServiceProcess;
  /** Asks the engine itself, which belongs to the service while that runs: only when it does not. */
  withEngine<Result>(use: (query: EngineQuery) => Promise<Result>): Promise<Result>;
  remove(): Promise<void>;
}

export async function openEmbeddedSite(): Promise<EmbeddedSite> {
  const directory = await makeDirectoryWithData();
  const service = await ServiceProcess.create({
    directory,
    environment: { BANDIT_DRAIN_INTERVAL_MS: "200" },
  });
  const remove = async (): Promise<void> => {
    await service.kill();
    await rm(directory, { recursive: true, force: true });
  };
  const client = (): BanditClient =>
    createBanditClient({ address: service.grpcAddress, deadlineMs: 20_000 });
  try {
    await service.start();
    const creating = client();
    await createAgentTypes(creating).finally(() => creating.close());
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    service,
    services: [service],
    client,
    // While the service runs nobody else can ask its engine.
    async query<Row>(sql: string): Promise<Row[]> {
      const asking = client();
      try {
        const { columns, rows, truncated } = await asking.query({ sql, rowsMax: 10_000 });
        if (truncated) throw new Error(`more than 10,000 rows: ${sql}`);
        return rows.map((row) => {
          const cells = toJson(ListValueSchema, row) as unknown[];
          return Object.fromEntries(columns.map(({ name }, at) => [name, cells[at]])) as Row;
        });
      } finally {
        asking.close();
      }
    },
    async withEngine(use) {
      const path = join(service.dataDirectory, "events");
      const engine = new ChdbProcessConnection({ path, database: "bandit" });
      try {
        await engine.open();
        return await use(async <Row>(sql: string) => {
          const { stream } = await engine.query({ query: `${sql} FORMAT JSONEachRow` });
          const lines = (await buffer(stream)).toString().split("\n");
          return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Row);
        });
      } finally {
        await engine.close();
      }
    },
    async heal() {
      if (!service.isRunning) await service.start();
    },
    remove,
  };
}
