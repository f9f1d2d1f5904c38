import { describe, expect, it, vi } from "vitest";
import type { Engines } from "../../../src/app/engines.ts";
import { Readiness } from "../../../src/app/readiness.ts";
import { BanditError } from "../../../src/domain/errors.ts";
import type { CatalogueCache } from "../../../src/service/catalogue/catalogue-cache.ts";
import type { Backlog } from "../../../src/service/events/backlog.ts";
import { useFakeTimers } from "../../support/fake-timers.ts";

const startMs = Date.UTC(2026, 10, 23, 10);
const unavailable = new BanditError("unavailable", "away", { reason: "AWAY" });
type Engine = "state" | "catalogue" | "eventLog";

/** Readiness of engines whose answers the test chooses. */
function readinessOf() {
  const answers: Record<Engine, () => Promise<void>> = {
    state: async () => undefined,
    catalogue: async () => undefined,
    eventLog: async () => undefined,
  };
  const seen = { pings: 0 };
  const world = {
    notFollowedSinceMs: undefined as number | undefined,
    savedAtMs: undefined as number | undefined,
    stateLost: false,
    stateProblem: undefined as { sinceMs: number; error: unknown } | undefined,
    eventLogProblem: undefined as { sinceMs: number; error: unknown } | undefined,
    backlog: { outbox: { entries: 0, rows: 0, bytes: 0 }, outboxIsFull: false } as Backlog,
  };
  const ping = (engine: Engine) => () => {
    seen.pings += 1;
    return answers[engine]();
  };
  const engines = {
    state: { ping: ping("state") },
    catalogue: {
      ping: ping("catalogue"),
      get notFollowedSinceMs() {
        return world.notFollowedSinceMs;
      },
    },
    eventLog: { ping: ping("eventLog") },
    stateProblem: () => world.stateProblem,
    eventLogProblem: () => world.eventLogProblem,
  } as unknown as Engines;
  const catalogue = {
    view: { snapshot: { revision: 17 } },
    get stale() {
      return world.savedAtMs !== undefined;
    },
    get savedAtMs() {
      return world.savedAtMs;
    },
  } as unknown as CatalogueCache;
  const clock = { nowMs: () => Date.now(), monotonicMs: () => Date.now() };
  const readiness = new Readiness({
    engines,
    catalogue,
    backlog: () => world.backlog,
    stateLost: () => world.stateLost,
    clock,
  });
  readiness.phase = "serving";
  const check = async (engine: string) => (await readiness.report()).checks[engine];
  return { readiness, check, answers, world, seen };
}

const away = () => Promise.reject(unavailable);

useFakeTimers({ now: startMs });

describe("readiness", () => {
  it("is ready and not degraded when everything answers", async () => {
    const { readiness } = readinessOf();
    expect(await readiness.report()).toEqual({
      ready: true,
      degraded: false,
      checks: { state: "ok", catalogue: "ok", events: "ok" },
    });
  });

  it.each(["starting", "stopping"] as const)(
    "is not ready while %s, and asks nobody",
    async (phase) => {
      const { readiness, seen } = readinessOf();
      readiness.phase = phase;
      expect(await readiness.report()).toEqual({
        ready: false,
        degraded: false,
        checks: { service: phase },
      });
      expect(seen.pings).toBe(0);
    },
  );

  it("stays ready without any of the engines, and says since when each is away", async () => {
    const { readiness, answers, world } = readinessOf();
    for (const engine of ["state", "catalogue", "eventLog"] as const) answers[engine] = away;
    world.backlog = {
      ...world.backlog,
      outbox: { entries: 3, rows: 1234, bytes: 1e6, oldestAtMs: startMs - 45_000 },
      outboxIsFull: false,
      spool: { records: 12, bytes: 3 * 1024, bytesMax: 2 ** 30 },
    };
    const first = await readiness.report();
    expect(first).toMatchObject({ ready: true, degraded: true });
    vi.setSystemTime(startMs + 30_000);
    expect((await readiness.report()).checks).toEqual({
      state:
        "unreachable since 2026-11-23T10:00:00Z: decisions from the last known allocations, " +
        "reports go to the spool (12 records, 3 KiB of 1 GiB)",
      catalogue:
        "unreachable since 2026-11-23T10:00:00Z: revision 17 stays in force, changes are not possible",
      events:
        "unreachable since 2026-11-23T10:00:00Z: 1,234 events wait, the oldest for 75 s " +
        "as far as is known without the state store",
    });
  });

  it("counts a new outage from its own beginning", async () => {
    const { readiness, check, answers } = readinessOf();
    answers.eventLog = away;
    await readiness.report();
    answers.eventLog = async () => undefined;
    vi.setSystemTime(startMs + 60_000);
    expect((await readiness.report()).degraded).toBe(false);
    answers.eventLog = away;
    expect(await check("events")).toMatch(/since 2026-11-23T10:01:00Z/);
  });

  it("answers in half a second when an engine hangs", async () => {
    const { readiness, answers } = readinessOf();
    answers.state = () => new Promise(() => undefined);
    const report = readiness.report();
    await vi.advanceTimersByTimeAsync(500);
    expect((await report).checks["state"]).toMatch(/^unreachable \(no answer in \d+ ms\) since/);
  });

  it("asks the engines once for probes that come together", async () => {
    const { readiness, seen } = readinessOf();
    await Promise.all(Array.from({ length: 100 }, () => readiness.report()));
    expect(seen.pings).toBe(3);
    await readiness.report();
    expect(seen.pings).toBe(6);
  });

  it("says that the catalogue comes from a snapshot, or is not followed", async () => {
    const { readiness, check, world } = readinessOf();
    world.savedAtMs = startMs - 1000;
    expect(readiness.catalogueIsFresh).toBe(false);
    expect(await check("catalogue")).toContain(
      "revision 17 of 2026-11-23T09:59:59Z, from the snapshot file, stays in force",
    );
    world.savedAtMs = undefined;
    expect(readiness.catalogueIsFresh).toBe(true);
    world.notFollowedSinceMs = startMs - 2000;
    expect(await check("catalogue")).toMatch(
      /^stale since 2026-11-23T09:59:58Z: revision 17 stays in force/,
    );
  });

  it("says what keeps a server that is there from being used", async () => {
    const { check, world, answers } = readinessOf();
    const error = new BanditError("failed_precondition", "this server is too old", {
      reason: "OLD",
    });
    world.stateProblem = { sinceMs: startMs - 5000, error };
    answers.state = away;
    expect(await check("state")).toMatch(
      /^not usable \(this server is too old\) since 2026-11-23T09:59:55Z/,
    );
  });

  it("says that the state store has lost what it held", async () => {
    const { readiness, world } = readinessOf();
    world.stateLost = true;
    expect(await readiness.report()).toMatchObject({
      ready: true,
      degraded: true,
      checks: { state: expect.stringMatching(/^emptied: .*rebuild/) },
    });
  });

  it("is degraded while reports are refused, while events wait long, and while the spool is applied", async () => {
    const { check, world, answers } = readinessOf();
    const spool = { records: 1, bytes: 100, bytesMax: 100 };
    world.backlog = { ...world.backlog, spool };
    expect(await check("state")).toBe("ok again, 1 record, 100 B of the spool are being applied");
    answers.state = away;
    expect(await check("state")).toMatch(/reports are refused, the spool is full/);
    answers.state = async () => undefined;

    const outbox = { entries: 1, rows: 1, bytes: 1, oldestAtMs: startMs - 29_000 };
    world.backlog = { ...world.backlog, outbox, spool: undefined };
    expect(await check("events")).toBe("ok");
    vi.setSystemTime(startMs + 2_000);
    expect(await check("events")).toBe("slow: 1 event waits, the oldest for 31 s");
    world.backlog = { ...world.backlog, outboxIsFull: true };
    expect(await check("events")).toMatch(/the outbox is full/);
  });

  it("says that an event log that answers takes no events", async () => {
    const { check, world } = readinessOf();
    const error = new BanditError("unavailable", "cannot do its work", { reason: "AWAY" });
    world.backlog = { ...world.backlog, writeProblem: { sinceMs: startMs - 1_000, error } };
    expect(await check("events")).toBe(
      "failing (cannot do its work) since 2026-11-23T09:59:59Z: no events wait",
    );
  });

  it.each([
    [
      { reason: "CATALOGUE_UNAVAILABLE", metadata: { engine_error: "53300" } },
      /^not usable \(away\) since/,
    ],
    [{ reason: "CATALOGUE_UNAVAILABLE" }, /^unreachable since/],
  ])("tells %o from an engine that does not answer", async (details, sentence) => {
    const { check, answers } = readinessOf();
    answers.catalogue = () => Promise.reject(new BanditError("unavailable", "away", details));
    expect(await check("catalogue")).toMatch(sentence);
  });
});
