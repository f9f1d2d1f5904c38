import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BanditError } from "../../domain/errors.ts";

export interface MigrationFile {
  /** File name without `.sql`. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the bytes, hexadecimal. */
  readonly checksum: string;
}

const namePattern = /^\d{4}_[a-z0-9]+(_[a-z0-9]+)+\.sql$/;

/** Where the migrations of an engine lie. */
export function migrationsDirectoryOf(engine: "postgres" | "clickhouse"): string {
  return join(import.meta.dirname, "../../../migrations", engine);
}

/** Oldest first. @throws failed_precondition when the directory cannot be read or a name or number is wrong */
export async function readMigrationFiles(directory: string): Promise<readonly MigrationFile[]> {
  const names = (await listDirectory(directory)).filter((name) => name.endsWith(".sql")).sort();
  const numbers = names.map((name) => name.slice(0, 4));
  const wrong = names.find(
    (name, index) => !namePattern.test(name) || numbers.indexOf(numbers[index] ?? "") !== index,
  );
  if (wrong !== undefined) {
    throw new BanditError(
      "failed_precondition",
      `${wrong}: migrations are named NNNN_verb_noun.sql, each number once`,
      { reason: "MIGRATION_NAME" },
    );
  }
  return Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(directory, name));
      return {
        name: name.slice(0, -".sql".length),
        sql: bytes.toString("utf8"),
        checksum: createHash("sha256").update(bytes).digest("hex"),
      };
    }),
  );
}

async function listDirectory(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    throw new BanditError("failed_precondition", `cannot read the migrations in ${directory}`, {
      reason: "MIGRATIONS_UNREADABLE",
      cause,
    });
  }
}
