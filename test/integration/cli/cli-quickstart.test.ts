import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { useService } from "./running-service.ts";

const root = join(import.meta.dirname, "../../..");
const quickstart = readFileSync(join(root, "docs/start/quickstart.md"), "utf8");
const readme = readFileSync(join(root, "README.md"), "utf8");
const run = promisify(execFile);

vi.setConfig({ testTimeout: 60_000 });

const site = useService();

/** A page's code in one language, with the addresses of the service under test. */
function codeOf(page: string, language: string): string[] {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))];
  return blocks.map(([, text]) =>
    (text as string)
      .replaceAll("localhost:8080", site.served.httpUrl)
      .replaceAll("localhost:50051", site.served.grpcAddress)
      .replaceAll(
        /banditd(\.mjs)? (explain|query)/g,
        `banditd$1 $2 --address ${site.served.grpcAddress}`,
      )
      .replaceAll("./src/", `${root}/src/`)
      .replaceAll("quickstart.ts", join(site.directory, "quickstart.ts")),
  );
}

/** What a shell in the checkout prints for each block, with the Node and npm of this machine and nothing of ours in PATH. */
async function printed(blocks: readonly string[]): Promise<string[]> {
  const script = ["set -eu -o pipefail", ...blocks.map((block) => `${block}echo; echo ---`)];
  const path = process.env["PATH"] ?? "";
  const { stdout } = await run(
    "bash",
    ["-c", script.join("\n").replaceAll("curl -s", "curl -sf")],
    {
      cwd: root,
      env: {
        ...process.env,
        PATH: path
          .split(":")
          .filter((entry) => !entry.includes("node_modules"))
          .join(":"),
      },
    },
  );
  return stdout.split("---\n");
}

describe("docs/start/quickstart.md", () => {
  it("has commands and a program that work as they stand there, one after the other", async () => {
    writeFileSync(join(site.directory, "quickstart.ts"), codeOf(quickstart, "ts").join("\n"));
    const [start, ...rest] = codeOf(quickstart, "sh");
    expect(start).toBe("npm ci\nnpm start\n");
    const [select, , generation, outcomes, seen, program] = await printed(rest);
    expect(select).toMatch(/"generationId":"[0-9a-f-]{36}".*"promptTemplate"/s);
    expect(generation).toContain("RECORD_GENERATION_STATUS_RECORDED");
    expect(outcomes?.match(/OUTCOME_STATUS_APPLIED/g)).toHaveLength(3);
    expect(seen).toContain('"arms"');
    expect(seen).toContain("which gives the variant that was served");
    expect(seen).toMatch(/variant_id +decisions +reward/);
    expect(program).toMatch(
      /^run [a-z-]+ and report on [0-9a-f-]{36}\nthe outcome was booked: true\n/,
    );
  });
});

describe("README.md", () => {
  it("has a first decision, its outcome and the questions about it that work as typed", async () => {
    const section = readme
      .split(/^## /m)
      .find((part) => part.startsWith("A decision and its outcome"));
    const [decision, outcome, seen] = await printed(codeOf(section ?? "", "sh"));
    expect(decision).toMatch(/"generationId":"[0-9a-f-]{36}"/);
    expect(outcome).toContain('{"outcomeId":"ci-4711","status":"OUTCOME_STATUS_APPLIED"}');
    expect(seen).toContain("which gives the variant that was served");
    expect(seen).toMatch(/variant_id +decisions +mean_reward/);
  });
});
