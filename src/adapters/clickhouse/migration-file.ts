import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { invariant } from "../../domain/errors.ts";

export interface MigrationFile {
  /** File name without `.sql`. */
  readonly name: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly checksum: string;
  readonly statements: readonly string[];
}

/** Every `NNNN_verb_noun.sql` of the directory, oldest first. */
export async function readMigrationFiles(directory: URL): Promise<readonly MigrationFile[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      invariant(/^\d{4}_[a-z0-9_]+\.sql$/.test(name), `${name} is not named NNNN_verb_noun.sql`);
      const text = await readFile(new URL(name, directory), "utf8");
      return {
        name: name.slice(0, -".sql".length),
        checksum: createHash("sha256").update(text).digest("hex"),
        statements: splitStatements(text),
      };
    }),
  );
}

/** A statement ends with a semicolon at the end of a line, so comments and texts may hold others. */
export function splitStatements(text: string): readonly string[] {
  return text
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replaceAll(/^--.*$/gm, "").trim() !== "");
}
