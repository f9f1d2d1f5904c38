import { rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it, vi } from "vitest";
import { SqliteStateStore } from "../../../src/adapters/sqlite/sqlite-state-store.ts";
import type { ArmTotals } from "../../../src/ports/state-store.ts";
import { listAll } from "../../conformance/state-store-harness.ts";
import { systemClock } from "../../support/state-samples.ts";
import { banditd } from "./cli-process.ts";
import { useService } from "./running-service.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const site = useService();
beforeAll(async () => {
  const { client } = site;
  for (let task = 0; task < 30; task += 1) {
    const codeType = task % 2 === 0 ? "go" : "python_class";
    const { generationId } = await client.selectVariant({ agentType: "evolution", codeType });
    const outcome = { case: "testRun", value: { passed: task % 7, failed: 3 } } as const;
    await client.recordOutcome({ generationId, outcome });
  }
});
/** On the data of the service that has stopped. */
const rebuild = (...args: string[]) => banditd(["rebuild", ...args, "--data-dir", site.dataDir]);

/** With the state store of the service that has stopped. */
async function withState<Result>(
  use: (state: SqliteStateStore) => Promise<Result>,
): Promise<Result> {
  const directory = join(site.dataDir, "state");
  const state = await SqliteStateStore.open({ directory, clock: systemClock });
  try {
    return await use(state);
  } finally {
    await state.close();
  }
}

const totals = () => withState(listAll);
const withoutVersions = (arms: readonly ArmTotals[]) => arms.map(({ version: _, ...arm }) => arm);

it("beside a running service nothing differs; a second look at it while stopped neither", async () => {
  const beside = await site.run("rebuild", "--check");
  expect(beside.exitCode).toBe(0);
  expect(beside.stdout).toMatch(/^(\d+) of \1 arms agree with the event log\. 30 events read\.\n$/);
  const json = await site.run("rebuild", "--json");
  expect(json.exitCode).toBe(0);
  expect(JSON.parse(json.stdout)).toMatchObject({
    ...{ check: false, differences: [], differences_left_out: 0 },
    summary: { arms_different: 0, arms_unsettled: 0, ledgers_restored: "0", events_read: "60" },
  });
  const nobody = await site.run("rebuild", "--check", "--agent-type", "nobody");
  expect(nobody).toMatchObject({ exitCode: 3 });
  await site.served.stop("SIGTERM");
  const stopped = await rebuild("--check");
  expect(stopped).toMatchObject({ exitCode: 0, stdout: beside.stdout });
});

it("one spoilt arm is what is printed, with exit code 1, and is put right", async () => {
  const before = await totals();
  const arm = before.find((each) => each.totals.generations > 1) as ArmTotals;
  await withState((state) =>
    state.repair.replaceTotals({
      ...arm,
      ...{ totals: { ...arm.totals, reward: arm.totals.reward + 0.5 }, versionMin: 0 },
      expectedVersion: arm.version,
    }),
  );
  const checked = await rebuild("--check");
  expect(checked.exitCode).toBe(1);
  expect(checked.stderr).toContain(
    `banditd: 1 of ${before.length} arms differ from the event log; \`banditd rebuild\` puts them right`,
  );
  const rows = checked.stdout.split("\n").filter((line) => line.includes("evolution/"));
  expect(rows).toHaveLength(1);
  expect(rows[0]?.split(/ {2,}/).slice(0, 3)).toEqual([arm.codeType, arm.variantId, "reward"]);

  const rebuilt = await rebuild();
  expect(rebuilt.exitCode).toBe(0);
  expect(rebuilt.stdout).toContain(`1 of ${before.length} arms put right.`);
  const again = await rebuild("--check");
  expect(again.exitCode).toBe(0);
});

it("a state store that was deleted is made again from the events", async () => {
  const before = await totals();
  rmSync(join(site.dataDir, "state"), { recursive: true });
  expect((await rebuild("--check")).exitCode).toBe(1);
  const rebuilt = await rebuild();
  expect(rebuilt.exitCode).toBe(0);
  expect(rebuilt.stdout).toContain(
    "30 decisions and the contributions of 30 generations put back.",
  );
  const after = await totals();
  expect(withoutVersions(after).map(({ totals: { generations } }) => generations)).toEqual(
    withoutVersions(before).map(({ totals: { generations } }) => generations),
  );
  for (const [index, { totals: expected }] of before.entries()) {
    expect(after[index]?.totals.reward).toBeCloseTo(expected.reward, 9);
  }
});
