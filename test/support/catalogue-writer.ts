/** Opens the catalogue in the directory given as argument, and says the revision of every write until it is killed. */
import { openPostgres } from "../../src/adapters/postgres/open-postgres.ts";
import { silentLogger, systemClock } from "./state-samples.ts";
import { writeLine } from "./write-line.ts";

const place = { directory: process.argv[2] as string };
const options = { place, logger: silentLogger, clock: systemClock };
const { catalogue, migrator } = await openPostgres(options);
await migrator.migrate();
for (;;) {
  await catalogue.setMode({ mode: "frozen", reason: "" }, { name: "writer" });
  writeLine(String((await catalogue.load()).revision));
}
