// Started by a test: opens an embedded catalogue, acknowledges writes on stdout, and is killed at any moment.
import { openCatalogue } from "./catalogue-setup.ts";

const { catalogue, migrator } = await openCatalogue({ directory: process.argv[2] as string });
await migrator.migrate();
for (;;) {
  await catalogue.setMode({ mode: "frozen", reason: "" }, { name: "child" });
  const { revision } = await catalogue.load();
  process.stdout.write(`${revision}\n`);
}
