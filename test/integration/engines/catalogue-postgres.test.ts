import { inject } from "vitest";
import { describeCatalogue } from "../../conformance/catalogue-conformance.ts";
import { createDatabase } from "../../support/postgres.ts";
import { connectCatalogue, query } from "./catalogue-setup.ts";

describeCatalogue("PostgresCatalogue", async () => {
  const database = await createDatabase(inject("postgresUrl"));
  let catalogue = connectCatalogue(database.url);
  await catalogue.migrator.migrate();
  return {
    get catalogue() {
      return catalogue;
    },
    reopen: async () => {
      await catalogue.close();
      catalogue = connectCatalogue(database.url);
    },
    inspect: (sql) => query(database.url, sql),
    close: async () => {
      await catalogue.close();
      await database.drop(); // fails when a connection is left
    },
  };
});
