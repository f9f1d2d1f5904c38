import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const joinAllColumns = "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON c.oid = a.attrelid";

/** What V8 says about compiled WebAssembly code that it frees, while the script runs. */
async function traceOf(script: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--trace-wasm-code-gc", "--eval", script, ...args],
    { cwd: root, timeout: 60_000 },
  );
  expect(stdout).toContain("all done");
  return stdout;
}

describe("V8 frees no WebAssembly code one function at a time, for it may free one twice", () => {
  test("while the catalogue is opened, asked and closed", async () => {
    const trace = await traceOf(
      `import { PgliteConnection } from "./src/adapters/postgres/pglite-connection.ts";
      for (let round = 0; round < 2; round++) {
        const connection = new PgliteConnection({ directory: process.argv[1], statementTimeoutMs: 20_000 });
        await connection.query("${joinAllColumns}");
        await connection.close();
      }
      console.log("all done");`,
      join(temporaryDirectory(), "pgdata"),
    );
    expect(trace).not.toMatch(/Starting GC|Freeing/);
  });

  test("it does for a PGlite that is started without our care: the trace shows it", async () => {
    const trace = await traceOf(
      `import { PGlite } from "@electric-sql/pglite";
      const database = await PGlite.create();
      await database.query("${joinAllColumns}");
      await database.close();
      console.log("all done");`,
    );
    expect(trace).toMatch(/Starting GC/);
    expect(trace).toMatch(/Freeing \d+ /);
  });
});
