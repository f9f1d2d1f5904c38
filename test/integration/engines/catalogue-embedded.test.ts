import { join } from "node:path";
import { PgliteConnection } from "../../../src/adapters/postgres/pglite-connection.ts";
import { describeCatalogue } from "../../conformance/catalogue-conformance.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { openCatalogue } from "./catalogue-setup.ts";

describeCatalogue("SqlCatalogue on PGlite", async () => {
  const directory = temporaryDirectory();
  const opened = await openCatalogue({ directory });
  await opened.migrator.migrate();
  let { catalogue } = opened;
  const reopen = async (): Promise<void> => {
    await catalogue.close();
    ({ catalogue } = await openCatalogue({ directory }));
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
      ({ catalogue } = await openCatalogue({ directory }));
      return rows;
    },
    close: () => catalogue.close(),
  };
});
