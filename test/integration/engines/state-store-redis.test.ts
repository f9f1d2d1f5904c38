import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { metaKey } from "../../../src/adapters/redis/keys.ts";
import type { RedisStateStore } from "../../../src/adapters/redis/redis-state-store.ts";
import { PrometheusTelemetry } from "../../../src/adapters/system/prometheus-telemetry.ts";
import type { Logger } from "../../../src/ports/telemetry.ts";
import { expectUnavailable } from "../../conformance/catalogue-fixture.ts";
import {
  drain,
  eventually,
  readBatch,
  rowsOf,
  totalsOf,
  until,
} from "../../conformance/state-store-harness.ts";
import { closedAfterEach } from "../../support/closed-after-each.ts";
import { type RunningRedis, startRedis } from "../../support/redis.ts";
import {
  book,
  coverage,
  decisionInput,
  newGenerationId,
  recordMany,
  sampleArm,
  silentLogger,
} from "../../support/state-samples.ts";
import { openRedisState, type RedisStateStoreOptions } from "../../support/state-stores.ts";

const commandTimeoutMs = 400;
let server: RunningRedis;
let admin: Redis;

beforeEach(async () => {
  // With everysec Redis may answer before it writes, while an fsync is under way: a kill would lose that.
  server = await startRedis({ extraArgs: ["--appendfsync", "always"] });
  admin = new Redis(server.url);
  admin.on("error", () => undefined); // tests kill the server under it
});
afterEach(async () => {
  admin.disconnect();
  await server.stop();
});

const closing = closedAfterEach();
const open = async (options: Partial<RedisStateStoreOptions> = {}) =>
  closing(await openRedisState(server.url, { commandTimeoutMs, ...options }));

describe("memory", () => {
  test.each([
    { agentType: "an agent type that never forgets", forgettingPosition: 0 },
    { agentType: "one that forgets", forgettingPosition: 1234.567 },
  ])(
    "a decision record of $agentType costs at most 80 bytes with ids as the service makes them",
    async ({ forgettingPosition }) => {
      const store = await open();
      const count = 20_000;
      const decidedAtMs = Date.now();
      for (let from = 0; from < count; from += 1000) {
        await Promise.all(
          Array.from({ length: 1000 }, () => {
            const input = decisionInput(newGenerationId(decidedAtMs));
            const record = { ...input.record, decidedAtMs, forgettingPosition };
            return store.recordDecision({ ...input, record });
          }),
        );
      }
      let bytes = 0;
      for (const key of await admin.keys("bandit:*")) {
        if (!/\}:(d:|l$)/.test(key)) continue;
        // What MEMORY USAGE leaves out: the entry of the expiry table, 24 bytes and its share of the buckets.
        bytes += Number(await admin.memory("USAGE", key, "SAMPLES", 0)) + 40;
        if (key.includes(":d:")) expect(await admin.object("ENCODING", key)).toBe("listpack");
      }
      const bytesPerRecord = bytes / count;
      expect(bytesPerRecord).toBeLessThanOrEqual(80);
      expect(bytesPerRecord).toBeGreaterThan(30); // less than the record itself would mean nothing was stored
    },
  );

  test("labels of any length stay out of the records, which stay in a listpack", async () => {
    const store = await open();
    const input = decisionInput();
    const variantId = `evolution/${"v".repeat(64)}@999999` as typeof input.record.variantId;
    const codeType = "c".repeat(64) as typeof input.record.codeType;
    const record = { ...input.record, variantId, codeType };
    await store.recordDecision({ ...input, record });
    expect(await store.findDecision(record.generationId)).toEqual(record);
    const [key] = await admin.keys("bandit:*:d:*");
    expect(await admin.object("ENCODING", key as string)).toBe("listpack");
  });

  test("every hash of decisions outlives the longest promise made for it", async () => {
    const store = await open();
    const at = Date.now();
    await store.recordDecision(decisionInput(newGenerationId(at), 7200));
    await store.recordDecision(decisionInput(newGenerationId(at), 3600));
    await store.recordDecision(decisionInput(newGenerationId(at), 10_000));
    const lives = await Promise.all(
      (await admin.keys("bandit:*:d:*")).map((key) => admin.ttl(key)),
    );
    expect(Math.max(...lives)).toBeGreaterThanOrEqual(9_999);
    expect(Math.min(...lives)).toBeGreaterThanOrEqual(3_599);
  });
});

describe("keys", () => {
  test("every key is one of those documented, and every documented one is used", async () => {
    const store = await open();
    await store.recordDecision(decisionInput());
    await book(store);
    await readBatch(store);
    const page = readFileSync(
      new URL("../../../docs/reference/redis-keys.md", import.meta.url),
      "utf8",
    );
    const documented = [...page.matchAll(/^\| `(bandit:\{p[^`]*)` \|/gm)].map((row) => {
      const pattern = (row[1] as string)
        .replaceAll("\\|", "|")
        .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
        .replace("pNN", "p\\d\\d")
        .replaceAll(/<[^>]+>/g, ".+");
      return new RegExp(`^${pattern}$`);
    });
    expect(documented.length).toBeGreaterThan(5);
    const keys = await admin.keys("*");
    for (const key of keys) {
      expect(
        documented.filter((pattern) => pattern.test(key)),
        key,
      ).toHaveLength(1);
    }
    for (const pattern of documented) {
      expect(
        keys.some((key) => pattern.test(key)),
        String(pattern),
      ).toBe(true);
    }
  });
});

describe("messages", () => {
  test("services on two databases of one server do not hear of each other", async () => {
    const first = await open();
    const second = await open({ url: `${server.url}/1` });
    const heard = new Map<RedisStateStore, number[]>([
      [first, []],
      [second, []],
    ]);
    for (const [store, weights] of heard) {
      store.onTotalsChanged((totals) => weights.push(totals.totals.weight));
    }
    const report = async (store: RedisStateStore, weight: number): Promise<void> => {
      const contributions = [coverage(1, weight)];
      const generationId = newGenerationId();
      await book(store, { generationId, contributions });
    };
    await report(first, 0.25);
    // Twice: in the reply and as a message. Messages of one server come in the order of their making.
    await until("the first has its message", 5_000, () => heard.get(first)?.length === 2);
    await report(second, 1);
    await until("the second has its message", 5_000, () => (heard.get(second)?.length ?? 0) >= 2);
    await report(first, 0.5);
    await until("the first has its second message", 5_000, () => heard.get(first)?.length === 4);
    expect(heard.get(first)).toEqual([0.25, 0.25, 0.75, 0.75]);
    expect(heard.get(second)).toEqual([1, 1]);
  });

  test("a message that is not ours is ignored, and logged once", async () => {
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
    const store = await open({ logger });
    const versions: number[] = [];
    store.onTotalsChanged((totals) => versions.push(totals.version));
    const broken = [
      "",
      "hello",
      "a|b v 1 2 3",
      "a|b v 1 NaN 3 4",
      "a|b v 1 2 3 Infinity",
      "a|b v 1 2 3 4 5",
      "a|b v 1 2 3 4 5 6 7",
      "a|b v 1 2 3 4 5 6 7 AAAA",
      "\n",
    ];
    for (const message of broken) {
      expect(await admin.publish("bandit:totals:0", message)).toBe(1);
    }
    await admin.publish("bandit:totals:0", "a|b v 1 2 3 7 0.5 4");
    await until("the message after them", 5_000, () => versions.length > 0);
    expect(versions).toEqual([7]);
    expect(warnings).toEqual([expect.stringContaining("cannot be read")]);
  });
});

describe("faults", () => {
  test("while Redis is down calls fail with unavailable in time; after its restart nothing is lost", async () => {
    const store = await open();
    const seen: number[] = [];
    store.onTotalsChanged((totals) => seen.push(totals.version));
    const before = decisionInput();
    await store.recordDecision(before);
    await book(store, { generationId: before.record.generationId });
    await server.kill("SIGKILL");
    for (const call of [
      () => store.recordDecision(decisionInput()),
      () => store.findDecision(before.record.generationId),
      () => book(store),
      () => store.readOutbox({ rowsMax: 10 }),
      () => store.outboxState(),
      () => store.ping(),
    ]) {
      expect((await expectUnavailable(call(), 5 * commandTimeoutMs)).retryable).toBe(true);
    }
    await server.restart();
    await eventually(() => store.ping());
    expect(await store.recordDecision(before)).toEqual(before.record);
    expect((await totalsOf(store, sampleArm))?.version).toBe(1);
    await eventually(async () => {
      await book(store);
      // Each change is heard of twice: in the reply, and as a message when those come again.
      await until("messages come again", 200, () => seen.length > 2 && seen.at(-1) === seen.at(-2));
    });
    expect(rowsOf(await drain(store))).toContain(before.event.row);
  });

  test("a Redis that hangs is unavailable after the timeout, and usable when it goes on", async () => {
    const store = await open();
    await server.kill("SIGSTOP");
    const input = decisionInput();
    await expectUnavailable(store.recordDecision(input), 5 * commandTimeoutMs);
    await server.kill("SIGCONT");
    await eventually(() => store.ping());
    // The write that got no answer may have happened; repeating it must store it once.
    await store.recordDecision(input);
    expect(await store.findDecision(input.record.generationId)).toEqual(input.record);
    expect(rowsOf(await drain(store))).toEqual([input.event.row]);
  });

  test("a server that has forgotten its scripts is given them again", async () => {
    const store = await open();
    for (let round = 0; round < 3; round += 1) {
      const input = decisionInput();
      const { generationId } = input.record;
      await store.recordDecision(input);
      await admin.script("FLUSH");
      expect(await store.recordDecision(input)).toEqual(input.record);
      await admin.script("FLUSH");
      expect(await book(store, { generationId })).toEqual({
        status: "applied",
      });
      await admin.script("FLUSH");
      expect(await drain(store)).toHaveLength(2);
    }
  });

  test("a full Redis refuses writes with resource_exhausted, still reads, and recovers", async () => {
    const store = await open();
    const input = decisionInput();
    await store.recordDecision(input);
    await admin.config("SET", "maxmemory", "1mb");
    await expect(store.recordDecision(decisionInput())).rejects.toMatchObject({
      code: "resource_exhausted",
      reason: "STATE_FULL",
    });
    expect(await store.findDecision(input.record.generationId)).toEqual(input.record);
    await admin.config("SET", "maxmemory", "0");
    expect(await store.recordDecision(decisionInput())).toBeUndefined();
  });

  test("calls beyond the bound are refused at once instead of piling up", async () => {
    const store = await open({ callsMax: 10 });
    await server.kill("SIGSTOP");
    const calls = Array.from({ length: 12 }, () => store.recordDecision(decisionInput()));
    const codes = (await Promise.allSettled(calls)).map((result) =>
      result.status === "rejected" ? result.reason.code : "stored",
    );
    expect(codes).toEqual([
      ...Array(10).fill("unavailable"),
      ...Array(2).fill("resource_exhausted"),
    ]);
    await server.kill("SIGCONT");
    await eventually(() => store.ping());
    expect(await store.recordDecision(decisionInput())).toBeUndefined();
  });
});

test("events beyond the bound in bytes are refused at once instead of piling up", async () => {
  const store = await open({ waitingBytesMax: 3 * 2 ** 20 });
  const write = (): Promise<unknown> => {
    const event = { stream: "decisions", row: "x".repeat(2 ** 20) } as const;
    return store.recordDecision({ ...decisionInput(), event });
  };
  const results = await Promise.allSettled([write(), write(), write(), write()]);
  expect(results.map((result) => result.status)).toEqual([
    ...Array(3).fill("fulfilled"),
    "rejected",
  ]);
  expect(results[3]).toMatchObject({ reason: { reason: "STATE_QUEUE_FULL" } });
  await write();
});

describe("outbox consumers", () => {
  test("the batch of a dead process goes to another after the idle time, not before", async () => {
    const claimIdleMs = 60_000;
    const telemetry = new PrometheusTelemetry();
    const dead = await open({ claimIdleMs });
    const alive = await open({ claimIdleMs, telemetry });
    await dead.recordDecision(decisionInput());
    const batch = await readBatch(dead);
    await dead.recordDecision(decisionInput());
    const own = await readBatch(alive);
    expect(own.id).not.toBe(batch.id);
    await alive.confirmOutbox(own);
    await makeSilent(batch.id, claimIdleMs - 2_000);
    expect(await alive.readOutbox({ rowsMax: 10 })).toBeUndefined();
    await makeSilent(batch.id, claimIdleMs);
    expect(await readBatch(alive)).toEqual(batch);
    expect((await telemetry.page()).body).toContain("bandit_outbox_takeovers_total 1");
    // Each reading renews the hold.
    expect(await dead.readOutbox({ rowsMax: 10 })).toBeUndefined();
    await alive.confirmOutbox(batch);
    expect(await dead.readOutbox({ rowsMax: 10 })).toBeUndefined();
    expect(await dead.outboxState()).toEqual({ entries: 0, rows: 0, bytes: 0 });
  });

  test("a process that comes back under its name gets at once what it held when it died", async () => {
    const killed = await open({ consumer: "one" });
    await killed.recordDecision(decisionInput());
    const batch = await readBatch(killed);
    const back = await open({ consumer: "one" });
    expect(await readBatch(back)).toEqual(batch);
  });

  test("a process that closes leaves its batch to the others at once", async () => {
    const first = await open();
    await recordMany(first, 30);
    const batch = await readBatch(first);
    await first.close();
    const second = await open();
    await recordMany(second, 30);
    expect(await readBatch(second)).toEqual(batch);
  });
});

const batchesKey = "bandit:{p00}:batches";

/** Makes the owner of a batch look as if it had been silent for that long. */
async function makeSilent(batchId: string, idleMs: number): Promise<void> {
  const record = JSON.parse((await admin.hget(batchesKey, batchId)) as string);
  record.renewedAtMs = Date.now() - idleMs;
  await admin.hset(batchesKey, batchId, JSON.stringify(record));
}

describe("connecting", () => {
  test("a server that may evict or keeps no append-only file is warned about, a good one is not", async () => {
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
    await open({ logger });
    expect(warnings).toEqual([]);
    await admin.config("SET", "maxmemory-policy", "allkeys-lru");
    await admin.config("SET", "appendonly", "no");
    await open({ logger });
    expect(warnings.join("\n")).toMatch(/noeviction[\s\S]*append-only/);
  });

  test("data laid out in another number of partitions is refused, not misread", async () => {
    await open({ partitions: 16 });
    await expect(open({ partitions: 8 })).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "STATE_PARTITIONS_MISMATCH",
    });
  });

  test.each([
    ["a read-only replica", () => admin.replicaof("127.0.0.1", "1")],
    ["without the right to subscribe", () => admin.acl("SETUSER", "default", "resetchannels")],
    ["laid out in another number of partitions", () => admin.hset(metaKey, "partitions", 8)],
    ["with the right to look at it only", () => admin.acl("SETUSER", "default", "-@write")],
  ])("attempts to start on a server %s leave no connection behind", async (_, prepare) => {
    await (await open()).close();
    await prepare();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const store = await open().catch(() => undefined);
      await store?.close();
    }
    await eventually(async () => expect(await admin.client("LIST")).not.toContain("name=banditd"));
  });

  test("a database that the server does not have is refused, and database 0 stays empty", async () => {
    await expect(open({ url: `${server.url}/99` })).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "REDIS_URL_REFUSED",
      message: expect.stringContaining("REDIS_URL names a database"),
    });
    expect(await admin.dbsize()).toBe(0);
  });

  test("after a reconnection that may not select the database nothing goes to database 0", async () => {
    const store = await open({ url: `${server.url}/3` });
    await admin.acl("SETUSER", "default", "-select");
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    const input = decisionInput();
    await expect(store.recordDecision(input)).rejects.toMatchObject({ code: "unavailable" });
    await admin.config("RESETSTAT");
    await eventually(async () => {
      expect(await admin.info("commandstats")).toMatch(/cmdstat_select:.*rejected_calls=[2-9]/);
    });
    await expect(store.recordDecision(input)).rejects.toMatchObject({ code: "unavailable" });
    await admin.acl("SETUSER", "default", "+select");
    await eventually(() => store.ping());
    expect(await store.recordDecision(input)).toBeUndefined();
    expect(await admin.dbsize()).toBe(0);
  });

  test("addresses of a cluster at which there is none are refused", async () => {
    const url = `${server.url},${server.url}`;
    await expect(open({ url })).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringContaining("REDIS_URL names a cluster"),
    });
    await expect(open({ cluster: true })).rejects.toMatchObject({ reason: "REDIS_URL_REFUSED" });
  });

  test("a password is used, and without it the reason can be found in the error's cause", async () => {
    await admin.config("SET", "requirepass", "s3c:r@t");
    const url = server.url.replace("//", `//:${encodeURIComponent("s3c:r@t")}@`);
    const store = await open({ url });
    expect(await store.recordDecision(decisionInput())).toBeUndefined();
    await expect(open()).rejects.toMatchObject({
      code: "unavailable",
      cause: { message: expect.stringContaining("NOAUTH") },
    });
  });

  test("nobody there is unavailable, soon", async () => {
    await server.kill("SIGKILL");
    await expectUnavailable(open(), 6_000);
  });
});
