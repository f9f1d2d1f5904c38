import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@clickhouse/client";
import { ChdbProcessConnection } from "../src/adapters/clickhouse/chdb-connection.ts";
import { readConfig } from "../src/app/config.ts";
import { openService } from "../src/app/open-service.ts";
import { createBanditClient, type RebuildSummary } from "../src/client/index.ts";

/*
 * node bench/rebuild.ts [outcomes]: that many generations with one outcome each are written into chDB, of one
 * agent type, four code types and four arms; a tenth of them is of the last hours, so that something may still be
 * learned of it. Then a service with an empty state store (REDIS_URL, or SQLite) rebuilds everything, and compares.
 * `memory` is the service's at its peak, without that of chDB, which runs in a process of its own.
 */
const outcomes = Number(process.argv[2] ?? 1_000_000);
if (!Number.isInteger(outcomes) || outcomes < 1) {
  console.error("usage: node bench/rebuild.ts [outcomes]");
  process.exit(2);
}

const dataDir = await mkdtemp(join(tmpdir(), "banditd-bench-"));
const options = readConfig({ dataDir, grpcPort: 0, httpPort: 0, logLevel: "warn" });
try {
  // The first start makes the schema and the six agent types.
  await (await openService(options)).stop();
  await writeHistory();
  const service = await openService(options);
  const client = createBanditClient({ address: service.grpcAddress });
  const idleBytes = process.memoryUsage().rss;
  for (const check of [true, false, true]) await measure(check);
  console.log(`memory idle                 ${megabytes(idleBytes)}`);
  client.close();
  await service.stop();

  async function measure(check: boolean): Promise<void> {
    let peakBytes = 0;
    const watch = setInterval(() => {
      peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
    }, 20);
    const startedMs = performance.now();
    let summary: RebuildSummary | undefined;
    for await (const { step } of client.rebuild({ check }, { deadlineMs: 3_600_000 })) {
      if (step.case === "summary") summary = step.value;
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    clearInterval(watch);
    if (summary === undefined) throw new Error("no summary");
    const events = Number(summary.eventsRead);
    console.log(
      `${(check ? "check" : "rebuild").padEnd(28)}${seconds.toFixed(1)} s, ${events} events read, ` +
        `${Math.round(events / seconds)}/s, memory ${megabytes(peakBytes)}\n` +
        `${" ".repeat(28)}${summary.armsDifferent} of ${summary.arms} arms different, ` +
        `${summary.armsReplaced} replaced, ${summary.decisionsRestored} decisions and ` +
        `${summary.ledgersRestored} ledgers put back`,
    );
  }
} finally {
  await rm(dataDir, { recursive: true, force: true });
}

async function writeHistory(): Promise<void> {
  const path = join(dataDir, "events");
  const connection = new ChdbProcessConnection({ path, database: "bandit" });
  await connection.open();
  const client = createClient({ connection });
  const variants = ["edge-cases-first", "plain", "step-by-step", "terse"]
    .map((name) => `'evolution/${name}@1'`)
    .join(", ");
  await client.command({
    query: `
      INSERT INTO decisions (generation_id, agent_type, code_type, variant_id, source, propensity,
                             allocation_version, decided_at, forgetting_position)
      SELECT generateUUIDv7(), 'evolution', concat('code_', toString(number % 4)),
             [${variants}][1 + intDiv(number, 4) % 4], 'exploit', 0.5, '0123456789abcdef',
             if(number % 10 = 0, now64(3) - toIntervalSecond(number % 20000),
                now64(3) - toIntervalSecond(200000 + number % 5000000)),
             0
      FROM numbers(${outcomes})`,
  });
  await client.command({
    query: `
      INSERT INTO outcomes (outcome_id, generation_id, agent_type, code_type, variant_id, source, reward_components,
                            reward_values, reward_weights, reward_penalties, learned, decided_at, occurred_at, received_at)
      SELECT toString(generation_id), generation_id, agent_type, code_type, variant_id, 'test_run',
             ['test_pass_rate', 'coverage'], [(cityHash64(generation_id) % 11) / 10, 0.25], [0.6, 0.4], [0, 0], 1,
             decided_at, decided_at + toIntervalSecond(60), decided_at + toIntervalSecond(60)
      FROM decisions`,
  });
  await client.close();
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
