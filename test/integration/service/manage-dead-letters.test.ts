import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  connectClickHouseEventLog,
  type OpenedEventLog,
} from "../../../src/adapters/clickhouse/open-event-log.ts";
import { PrometheusTelemetry } from "../../../src/adapters/system/prometheus-telemetry.ts";
import { BanditError } from "../../../src/domain/errors.ts";
import type { DeadLetterKind, DeadLetterStore } from "../../../src/ports/dead-letters.ts";
import { DeadLetterCount } from "../../../src/service/events/dead-letter-count.ts";
import { ManageDeadLetters } from "../../../src/service/events/manage-dead-letters.ts";
import { RecordDeadLetters } from "../../../src/service/events/record-dead-letters.ts";
import { callContext as context } from "../../support/call-context.ts";
import {
  sampleDecision,
  sampleGenerationId,
  silentLogger,
  testClock,
} from "../../support/clickhouse-event-samples.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";

const isGone = { reason: "X" };
const gone = () => new BanditError("unavailable", "gone", isGone);

let front: ClickHouseFront;
let log: OpenedEventLog;
let databases = 0;
let database = "";
beforeAll(async () => {
  front = await startClickHouseFront();
});
afterAll(() => front.stop());
beforeEach(async () => {
  databases += 1;
  database = `letters_${databases}`;
  const url = `${front.url}/${database}`;
  log = connectClickHouseEventLog({ url, clock: testClock, logger: silentLogger });
  await log.migrator.migrate();
  // A merge would make one of two copies, and hide that a token did not.
  await front.command("SYSTEM STOP MERGES");
});
afterEach(() => log.eventLog.close());

function manager(
  options: {
    store?: Partial<DeadLetterStore>;
    applySpooled?: (content: string) => Promise<unknown>;
  } = {},
) {
  const { deadLetters } = log;
  const store: DeadLetterStore = {
    add: (letters) => deadLetters.add(letters),
    list: (query) => deadLetters.list(query),
    find: (id) => deadLetters.find(id),
    resolve: (ids, how) => deadLetters.resolve(ids, how),
    count: () => deadLetters.count(),
    ...options.store,
  };
  const base = { clock: testClock, telemetry: new PrometheusTelemetry(), logger: silentLogger };
  const count = new DeadLetterCount({ ...base, store });
  const record = new RecordDeadLetters({ ...base, store, count });
  const { applySpooled = () => Promise.reject(new Error("nothing is spooled here")) } = options;
  const { eventLog } = log;
  const manage = new ManageDeadLetters({ ...base, store, count, eventLog, applySpooled });
  return { manage, record };
}

const decision = (number: number, change: object = {}) =>
  JSON.stringify({ ...sampleDecision({ generation_id: sampleGenerationId(number) }), ...change });
const decisions = (count: number) => Array.from({ length: count }, (_, number) => decision(number));

async function bury(kind: DeadLetterKind, contents: readonly string[]): Promise<readonly string[]> {
  const { manage, record } = manager();
  await record.execute(
    kind,
    contents.map((content) => ({ content, error: "refused" })),
  );
  const { items } = await manage.list({ pageSize: 1_000, pageToken: "" });
  return items.map(({ id }) => id);
}

const copies = async () =>
  (await front.query(`SELECT generation_id FROM ${database}.decisions`)).length;

test("pages through the letters, with the number of all", async () => {
  const ids = await bury("decisions", decisions(7));
  const { manage } = manager();
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await manage.list({ pageSize: 3, pageToken });
    expect(page.total).toBe(7);
    seen.push(...page.items.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(seen).toEqual(ids);
  await expect(manage.list({ pageSize: 3, pageToken: "made up" })).rejects.toMatchObject({
    code: "invalid_argument",
  });
});

test("a replay that ends between the insert and its note is repeated, and the row is in once", async () => {
  const ids = await bury("decisions", [decision(1), decision(2)]);
  const failing = manager({ store: { resolve: () => Promise.reject(gone()) } });
  await expect(failing.manage.replay(ids, context)).rejects.toMatchObject(isGone);
  expect(await copies()).toBe(2);
  const result = await manager().manage.replay(ids, context);
  expect(result).toEqual({ replayed: 2, refused: [], unknownIds: [], remaining: 0 });
  expect(await copies()).toBe(2);
});

test("what is refused once more stays with its new error, and does not keep the others back", async () => {
  const wrong = decision(2, { decided_at: "never" });
  const ids = await bury("decisions", [decision(1), wrong, decision(3)]);
  const result = await manager().manage.replay([], context);
  expect(result).toMatchObject({ replayed: 2, unknownIds: [], remaining: 1 });
  expect(result.refused).toMatchObject([
    { attempts: 2, error: expect.stringContaining("Cannot read DateTime") },
  ]);
  expect(ids).toContain(result.refused[0]?.id);
  expect(await manager().manage.get(result.refused[0]?.id as string)).toMatchObject({
    attempts: 2,
    content: wrong,
  });
});

test("an event log that goes away in the middle leaves the rest dead, and what went in replayed", async () => {
  await bury("decisions", decisions(4));
  let found = 0;
  const { manage } = manager({
    store: {
      find: async (id) => {
        found += 1;
        if (found === 3) throw gone();
        return log.deadLetters.find(id);
      },
    },
  });
  await expect(manage.replay([], context)).rejects.toMatchObject(isGone);
  expect(await log.deadLetters.count()).toBe(2);
  expect(await manager().manage.replay([], context)).toMatchObject({ replayed: 2, remaining: 0 });
  expect(await copies()).toBe(4);
});

test("nothing is tried for a caller who has gone", async () => {
  await bury("decisions", [decision(1)]);
  const left = { signal: AbortSignal.abort(), actor: "test" };
  expect(await manager().manage.replay([], left)).toMatchObject({ replayed: 0, remaining: 1 });
});

test("a spooled report is applied by the spool: applied, refused once more, or not to be told yet", async () => {
  const contents = ["good", "bad", "odd"].map((name) => JSON.stringify({ name }));
  await bury("spooled", contents);
  const applied: string[] = [];
  let away = true;
  const { manage } = manager({
    applySpooled: async (content) => {
      if (away) throw gone();
      if (content === contents[2]) throw new SyntaxError("no JSON");
      if (content === contents[1]) throw new BanditError("not_found", "unknown", { reason: "Y" });
      applied.push(content);
    },
  });
  await expect(manage.replay([], context)).rejects.toMatchObject(isGone);
  expect(await log.deadLetters.count()).toBe(3);
  away = false;
  const result = await manage.replay([], context);
  expect(result).toMatchObject({ replayed: 1, remaining: 2 });
  const refused = result.refused.map(({ kind, error, attempts }) => [kind, attempts, error]);
  expect(refused.sort()).toEqual([
    ["spooled", 2, "no JSON"],
    ["spooled", 2, "unknown"],
  ]);
  expect(applied).toEqual([contents[0]]);
  expect((await manager().manage.replay([], context)).refused).toMatchObject([
    { error: "nothing is spooled here", attempts: 3 },
    { error: "nothing is spooled here", attempts: 3 },
  ]);
});

test("drops each letter once and names those that are none", async () => {
  const ids = await bury("decisions", [decision(1), decision(2)]);
  const { manage } = manager();
  const unknown = "f".repeat(32);
  const first = ids[0] as string;
  expect(await manage.drop([first, first, unknown], context)).toEqual({
    dropped: 1,
    unknownIds: [unknown],
  });
  expect(await manage.drop([first], context)).toEqual({ dropped: 0, unknownIds: [first] });
  await expect(manage.get(first)).rejects.toMatchObject({
    code: "not_found",
    reason: "DEAD_LETTER_NOT_FOUND",
  });
  expect(await manage.replay(ids, context)).toMatchObject({ replayed: 1, unknownIds: [first] });
});
