import { inject } from "vitest";
import { describeCatalogue } from "../../conformance/catalogue-conformance.ts";
import { createDatabase } from "../../support/postgres.ts";
import { openCatalogue, query } from "./catalogue-setup.ts";

describeCatalogue("SqlCatalogue on Postgres", async () => {
  const database = await createDatabase(inject("postgresUrl"));
  const opened = await openCatalogue(database.url);
  await opened.migrator.migrate();
  let { catalogue } = opened;
  return {
    get catalogue() {
      return catalogue;
    },
    reopen: async () => {
      await catalogue.close();
      ({ catalogue } = await openCatalogue(database.url));
    },
    inspect: (sql) => query(database.url, sql),
    close: async () => {
      await catalogue.close();
      await database.drop(); // fails when a connection is left
    },
  };
});
