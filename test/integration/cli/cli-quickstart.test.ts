import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeDirectoryWithData } from "../../support/prepared-data.ts";
import { type Served, serve } from "./cli-process.ts";

const root = join(import.meta.dirname, "../../..");
const page = readFileSync(join(root, "docs/start/quickstart.md"), "utf8");
const run = promisify(execFile);

vi.setConfig({ testTimeout: 60_000 });

let directory: string;
let served: Served | undefined;
beforeAll(async () => {
  directory = await makeDirectoryWithData();
  served = await serve(["--data-dir", join(directory, "data")]);
});
afterAll(async () => {
  await served?.stop("SIGKILL");
  rmSync(directory, { recursive: true });
});

/** The page's code in one language, with the addresses of the service under test. */
function code(language: string): string[] {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))];
  return blocks.map(([, text]) =>
    (text as string)
      .replaceAll("localhost:8080", served?.httpUrl ?? "")
      .replaceAll("localhost:50051", served?.grpcAddress ?? "")
      .replaceAll(
        /banditd\.mjs (explain|query)/g,
        `banditd.mjs $1 --address ${served?.grpcAddress}`,
      )
      .replaceAll("./src/", `${root}/src/`),
  );
}

describe("docs/start/quickstart.md", () => {
  it("has commands that work as typed, one after the other", async () => {
    const [start, ...rest] = code("sh");
    expect(start).toBe("npm ci\nnpm start\n");
    const script = ["set -eu -o pipefail", ...rest.map((block) => `${block}echo; echo ---`)].join(
      "\n",
    );
    const { stdout } = await run("bash", ["-c", script.replaceAll("curl -s", "curl -sf")], {
      cwd: root,
      env: { ...process.env, PATH: `${join(process.execPath, "..")}:${process.env["PATH"]}` },
    });
    const [select, , generation, outcomes, seen] = stdout.split("---\n") as string[];
    expect(select).toMatch(/"generationId":"[0-9a-f-]{36}".*"promptTemplate"/s);
    expect(generation).toContain("RECORD_GENERATION_STATUS_RECORDED");
    expect(outcomes?.match(/OUTCOME_STATUS_APPLIED/g)).toHaveLength(3);
    expect(seen).toContain('"arms"');
    expect(seen).toContain("which gives the variant that was served");
    expect(seen).toMatch(/variant_id +decisions +reward/);
  });

  it("has a TypeScript program that works as it is", async () => {
    const file = join(directory, "quickstart.ts");
    writeFileSync(file, code("ts").join("\n"));
    const { stdout } = await run(process.execPath, [file]);
    expect(stdout).toMatch(
      /^run [a-z-]+ and report on [0-9a-f-]{36}\nthe outcome was booked: true\n$/,
    );
  });
});
