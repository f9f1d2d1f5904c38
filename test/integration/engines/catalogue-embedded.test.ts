import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedCatalogue } from "../../../src/adapters/postgres/embedded-catalogue.ts";
import { PgliteConnection } from "../../../src/adapters/postgres/pglite-connection.ts";
import { describeCatalogue } from "../../conformance/catalogue-conformance.ts";
import { clock, logger, migrationsDirectory } from "./catalogue-setup.ts";

describeCatalogue("EmbeddedCatalogue", async () => {
  const directory = await mkdtemp(join(tmpdir(), "banditd-catalogue-"));
  const open = (): Promise<EmbeddedCatalogue> =>
    EmbeddedCatalogue.open({ directory, migrationsDirectory, logger, clock });
  let catalogue = await open();
  await catalogue.migrator.migrate();
  const reopen = async (): Promise<void> => {
    await catalogue.close();
    catalogue = await open();
  };
  return {
    get catalogue() {
      return catalogue;
    },
    reopen,
    inspect: async (sql) => {
      // One process, one connection: the catalogue makes room for a moment.
      await catalogue.close();
      const connection = new PgliteConnection({
        directory: join(directory, "pgdata"),
        statementTimeoutMs: 10_000,
      });
      const rows = await connection.query(sql);
      await connection.close();
      catalogue = await open();
      return rows;
    },
    close: async () => {
      await catalogue.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
});
