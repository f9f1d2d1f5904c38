// Started by a test: opens an embedded catalogue, acknowledges writes on stdout, and is killed at any moment.
import { EmbeddedCatalogue } from "../../../src/adapters/postgres/embedded-catalogue.ts";
import { clock, logger, migrationsDirectory } from "./catalogue-setup.ts";

const catalogue = await EmbeddedCatalogue.open({
  directory: process.argv[2] as string,
  migrationsDirectory,
  logger,
  clock,
});
await catalogue.migrator.migrate();
for (;;) {
  await catalogue.setMode({ mode: "frozen", reason: "" }, { name: "child" });
  const { revision } = await catalogue.load();
  process.stdout.write(`${revision}\n`);
}
