import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  connectClickHouseEventLog,
  type OpenedEventLog,
} from "../../../src/adapters/clickhouse/open-event-log.ts";
import { PrometheusTelemetry } from "../../../src/adapters/system/prometheus-telemetry.ts";
import { BanditError } from "../../../src/domain/errors.ts";
import type { DeadLetter, DeadLetterStore } from "../../../src/ports/dead-letters.ts";
import type { AppendInput, EventLog } from "../../../src/ports/event-log.ts";
import type { Logger } from "../../../src/ports/telemetry.ts";
import { DeadLetterCount } from "../../../src/service/events/dead-letter-count.ts";
import type { EventWrite } from "../../../src/service/events/event-appends.ts";
import { EventWriter } from "../../../src/service/events/event-writer.ts";
import { RecordDeadLetters } from "../../../src/service/events/record-dead-letters.ts";
import { sampleDecision, silentLogger, testClock } from "../../support/clickhouse-event-samples.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";
import { forAll } from "../../support/for-all.ts";

/** What happens to an append, or to an addition of dead letters. */
type Fault = "none" | "before" | "after" | "busy";

let log: OpenedEventLog;
let front: ClickHouseFront;
beforeAll(async () => {
  front = await startClickHouseFront();
  const url = `${front.url}/bandit`;
  log = connectClickHouseEventLog({ url, clock: testClock, logger: silentLogger });
  await log.migrator.migrate();
  // A merge would make one of two copies, and hide that a token did not.
  await front.command("SYSTEM STOP MERGES");
});
afterAll(async () => {
  await log.eventLog.close();
  await front.stop();
});

/** Everything a test writes carries its own code type. */
let codeTypes = 0;
const nextCodeType = () => {
  codeTypes += 1;
  return `c${codeTypes}`;
};
const row = (codeType: string, at: number) =>
  sampleDecision({
    code_type: codeType,
    generation_id: `019a1b2c-0000-7f50-8a6b-${at.toString(16).padStart(12, "0")}` as never,
  });
const breakages = {
  good: {},
  uuid: { generation_id: "no-uuid" },
  negative: { context_epoch: -1 },
  time: { decided_at: "yesterday" },
  array: { arm_probabilities: "half" },
} as const;
type Breakage = keyof typeof breakages;

/** @param breakage of each row */
function rowsOf(codeType: string, breakage: readonly Breakage[]): string[] {
  // A broken id would make equal rows of different places.
  return breakage.map((kind, at) =>
    JSON.stringify({ ...row(codeType, at), agent_id: `a${at}`, ...breakages[kind] }),
  );
}

function writeOf(codeType: string, breakage: readonly Breakage[]): EventWrite {
  const rows = rowsOf(codeType, breakage);
  return { stream: "decisions", rows: rows.join("\n"), rowCount: rows.length, token: codeType };
}

function unavailable(): BanditError {
  return new BanditError("unavailable", "as told", { reason: "TEST_FAULT" });
}

function writerOn(options: { faults?: () => Fault; telemetry?: PrometheusTelemetry } = {}) {
  const appended: AppendInput[] = [];
  const logged: { message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const faulty = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const fault = options.faults?.() ?? "none";
    if (fault === "before" || fault === "busy") throw unavailable();
    const result = await work();
    if (fault === "after") throw unavailable();
    return result;
  };
  const eventLog: Pick<EventLog, "append"> = {
    append: (input) => {
      appended.push(input);
      return faulty(() => log.eventLog.append(input));
    },
  };
  const store: DeadLetterStore = {
    add: (letters) => faulty(() => log.deadLetters.add(letters)),
    list: (query) => log.deadLetters.list(query),
    find: (id) => log.deadLetters.find(id),
    resolve: (ids, how) => log.deadLetters.resolve(ids, how),
    count: () => log.deadLetters.count(),
  };
  const telemetry = options.telemetry ?? new PrometheusTelemetry();
  const logger: Logger = {
    ...silentLogger,
    error: (message, fields = {}) => logged.push({ message, fields }),
  };
  const count = new DeadLetterCount({ store, telemetry, logger });
  const writer = new EventWriter({
    eventLog: eventLog as EventLog,
    deadLetters: new RecordDeadLetters({ store, count, clock: testClock, telemetry }),
    clock: testClock,
    telemetry,
    logger,
  });
  return { writer, appended, logged, telemetry };
}

/** Rows as they are in the table, copies counted, FINAL or not. */
async function stored(codeType: string): Promise<readonly string[]> {
  const { rows } = await log.eventLog.query({
    sql: `SELECT agent_id FROM decisions WHERE code_type = '${codeType}' ORDER BY toUInt32(substring(agent_id, 2))`,
    rowsMax: 10_000,
    timeoutMs: 10_000,
  });
  return rows.map(([id]) => String(id));
}

type Letter = Pick<DeadLetter, "content" | "error" | "kind" | "attempts">;

async function letters(codeType: string): Promise<readonly Letter[]> {
  const { rows } = await log.eventLog.query({
    sql: `SELECT content, error, kind, attempts FROM dead_letters FINAL
          WHERE status = 'dead' AND JSONExtractString(content, 'code_type') = '${codeType}'`,
    rowsMax: 10_000,
    timeoutMs: 10_000,
  });
  return rows.map(([content, error, kind, attempts]) => ({
    content: String(content),
    error: String(error),
    kind: kind as DeadLetter["kind"],
    attempts: Number(attempts),
  }));
}

const expectWritten = async (codeType: string, breakage: readonly Breakage[]) => {
  const lines = rowsOf(codeType, breakage);
  expect(await stored(codeType)).toEqual(
    breakage.flatMap((kind, at) => (kind === "good" ? [`a${at}`] : [])),
  );
  const dead = await letters(codeType);
  expect(dead.map(({ content }) => content).sort()).toEqual(
    lines.filter((_, at) => breakage[at] !== "good").sort(),
  );
  expect(dead.every(({ kind, attempts }) => kind === "decisions" && attempts === 1)).toBe(true);
  return dead;
};

describe("the event writer", () => {
  test("rows that are all good are one insert", async () => {
    const codeType = nextCodeType();
    const breakage = Array<Breakage>(100).fill("good");
    const { writer, appended } = writerOn();
    await writer.write(writeOf(codeType, breakage));
    expect(appended).toHaveLength(1);
    await expectWritten(codeType, breakage);
  });

  test("one bad row of 1,000 becomes a dead letter with the engine's words, in about twenty inserts", async () => {
    const codeType = nextCodeType();
    const breakage = Array<Breakage>(1_000).fill("good");
    breakage[777] = "uuid";
    const { writer, appended, logged, telemetry } = writerOn();
    await writer.write(writeOf(codeType, breakage));
    const [letter] = await expectWritten(codeType, breakage);
    expect(letter?.error).toMatch(/^Cannot parse UUID .*generation_id\)$/);
    expect(appended.length).toBeLessThan(1 + 2 * Math.log2(1_000 / 8) + 10);
    expect(logged).toEqual([
      {
        message: "the event log refused rows; they became dead letters",
        fields: {
          stream: "decisions",
          rows: 1_000,
          refused: 1,
          engineError: "CANNOT_PARSE_UUID",
          column: "generation_id",
        },
      },
    ]);
    const { body } = await telemetry.page();
    expect(body).toContain('bandit_dead_letters_total{kind="decisions"} 1');
    expect(body).toContain('bandit_events_written_total{stream="decisions"} 999');
  });

  test("what people have written is in the dead letter, and not in the log", async () => {
    const codeType = nextCodeType();
    const comment = "call (while reading the value of key alice) at alice@example.com";
    const bad = { ...row(codeType, 1), arm_probabilities: [{ free: comment }], agent_id: comment };
    const { writer, logged } = writerOn();
    const rows = JSON.stringify(bad);
    await writer.write({ stream: "decisions", rows, rowCount: 1, token: codeType });
    const [letter] = await letters(codeType);
    expect(letter?.error).toContain("alice");
    expect(letter?.content).toBe(rows);
    expect(logged).toHaveLength(1);
    expect(JSON.stringify(logged)).not.toContain("alice");
  });

  test.each<readonly [string, readonly Breakage[]]>([
    ["a single row", ["uuid"]],
    ["rows bad in every way", ["uuid", "good", "negative", "time", "good", "array"]],
    ["the first and the last", ["uuid", ...Array<Breakage>(40).fill("good"), "time"]],
    ["nothing but bad rows", Array<Breakage>(300).fill("negative")],
    ["every second", Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? "good" : "time"))],
  ])("finds them: %s", async (_, breakage) => {
    const codeType = nextCodeType();
    const { writer, appended } = writerOn();
    await writer.write(writeOf(codeType, breakage));
    await expectWritten(codeType, breakage);
    expect(appended.length).toBeLessThanOrEqual(2 + 1.5 * breakage.length);
  });

  test("a write that was done is not done again", async () => {
    const { writer, appended } = writerOn();
    const codeType = nextCodeType();
    await writer.write(writeOf(codeType, ["good"]));
    await writer.write(writeOf(codeType, ["good"]));
    expect(appended).toHaveLength(1);
  });

  test("the search ends between two inserts when the service stops, and goes on where it was", async () => {
    const codeType = nextCodeType();
    const breakage = Array<Breakage>(30).fill("time");
    const stopping = new AbortController();
    let calls = 0;
    const { writer, appended } = writerOn({
      faults: () => {
        calls += 1;
        if (calls === 12) stopping.abort();
        return "none";
      },
    });
    const write = writeOf(codeType, breakage);
    await expect(writer.write(write, stopping.signal)).rejects.toMatchObject({
      code: "unavailable",
      reason: "SERVICE_STOPPING",
    });
    expect(appended).toHaveLength(12);
    await writerOn().writer.write(write);
    await expectWritten(codeType, breakage);
  });

  const arbitraryBreakage = fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constant<Breakage>("good") },
      { weight: 1, arbitrary: fc.constantFrom<Breakage>("uuid", "negative", "time", "array") },
    ),
    { minLength: 1, maxLength: 40 },
  );
  const arbitraryFaults = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant<Fault>("none") },
      { weight: 1, arbitrary: fc.constantFrom<Fault>("before", "after", "busy") },
    ),
    { maxLength: 60 },
  );

  /** Writes until it succeeds; `crash` starts with a writer that remembers nothing. */
  async function writeThrough(input: {
    breakage: readonly Breakage[];
    faults: Fault[];
    crash: boolean;
    token: (codeType: string, attempt: number) => string;
  }): Promise<string> {
    const codeType = nextCodeType();
    const write = writeOf(codeType, input.breakage);
    const faults = [...input.faults];
    const open = () => writerOn({ faults: () => faults.shift() ?? "none" }).writer;
    let writer = open();
    for (let attempt = 0; ; attempt += 1) {
      const token = input.token(codeType, attempt);
      try {
        await writer.write({ ...write, token });
        return codeType;
      } catch (error) {
        expect(error).toMatchObject({ reason: "TEST_FAULT" });
        if (input.crash) writer = open();
      }
    }
  }

  test("any mix of rows and any faults, crashes or not: good rows are in once, bad ones one letter each", () =>
    forAll(
      [arbitraryBreakage, arbitraryFaults, fc.boolean()],
      { numRuns: 60, seed: 20_261_123 },
      async (breakage, faults, crash) => {
        const codeType = await writeThrough({
          breakage,
          faults,
          crash,
          token: (name) => name,
        });
        await expectWritten(codeType, breakage);
      },
    ));

  test("a writer that makes a new token for each attempt would be found out", async () => {
    const breakage: readonly Breakage[] = ["good", "good"];
    const codeType = await writeThrough({
      breakage,
      faults: ["after"],
      crash: false,
      token: (name, attempt) => `${name}-${attempt}`,
    });
    await expect(expectWritten(codeType, breakage)).rejects.toThrow();
  });

  test("while the dead letters cannot be written the write does not succeed", async () => {
    const codeType = nextCodeType();
    const { writer } = writerOn({
      faults: (
        (calls) => () =>
          // Whole and part are refused by the log; then the letters fail, once.
          calls++ === 2 ? "before" : "none"
      )(0),
    });
    const write = writeOf(codeType, ["uuid"]);
    await expect(writer.write(write)).rejects.toMatchObject({ reason: "TEST_FAULT" });
    expect(await letters(codeType)).toEqual([]);
    await writer.write(write);
    await expectWritten(codeType, ["uuid"]);
  });
});
