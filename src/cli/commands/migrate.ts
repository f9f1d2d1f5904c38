import { Command } from "commander";
import { readConfig } from "../../app/config.ts";
import type { EngineMigration } from "../../app/migrations.ts";
import { print } from "../command-frame.ts";
import type { Terminal } from "../terminal.ts";
import { Progress } from "../text/progress.ts";
import { formatTable } from "../text/table.ts";

interface MigrateOptions {
  readonly dataDir?: string;
  readonly status?: true;
  readonly json?: true;
}

export function migrateCommand(terminal: Terminal): Command {
  return new Command("migrate")
    .description("bring the schemas of catalogue and events up to date")
    .option("--status", "only show what is applied and what is pending")
    .option(
      "--data-dir <directory>",
      "where the embedded engines keep their data (default: ./data)",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
\`banditd serve\` does this by itself. DATABASE_URL and CLICKHOUSE_URL say which engines are meant;
without them the embedded ones in the data directory, which no banditd may be using meanwhile.

Examples:
  banditd migrate --status
  DATABASE_URL=postgres://localhost/bandit banditd migrate`,
    )
    .action(async (options: MigrateOptions) => {
      const progress = new Progress(terminal);
      const { openMigrations } = await import("../../app/migrations.ts");
      const migrations = await openMigrations({
        ...readConfig(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
        onProgress: (step) => progress.update(() => step),
      });
      try {
        const applied = options.status ? [] : rowsOf(await migrations.migrate());
        progress.clear();
        const rows = rowsOf(await migrations.status());
        print(terminal, options, rows, {
          json: () => ({ applied: applied.map(({ name }) => name), migrations: rows }),
          text: () => {
            const table = formatTable(
              ["engine", "migration", "applied at (UTC)"],
              rows.map((row) => [
                row.engine,
                row.name,
                row.applied_at?.replace("T", " ").slice(0, 19) ?? "pending",
              ]),
            );
            if (options.status) return table;
            return `${table}${applied.length === 0 ? "nothing was pending" : `${applied.length} applied`}\n`;
          },
        });
      } finally {
        await migrations.close();
      }
    });
}

function rowsOf(found: readonly EngineMigration[]) {
  return found.map(({ engine, name, checksum, appliedAtMs }) => ({
    engine,
    name,
    applied_at: appliedAtMs === undefined ? null : new Date(appliedAtMs).toISOString(),
    checksum,
  }));
}
