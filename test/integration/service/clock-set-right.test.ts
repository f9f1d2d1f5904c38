import { afterAll, beforeAll, expect, test } from "vitest";
import type { SqliteStateStore } from "../../../src/adapters/sqlite/sqlite-state-store.ts";
import type { Decision } from "../../../src/service/api/decisions.ts";
import { type OutageService, type OutageSite, openOutageSite } from "../../support/outage-site.ts";

const hourMs = 3_600_000;
let site: OutageSite;
let service: OutageService;

beforeAll(async () => {
  site = await openOutageSite();
  service = await site.open({ spool: site.openQueue() });
});
afterAll(() => site.remove());

const decide = (codeType: string) => service.agent.decide(codeType);
const outcome = (decision: Decision, outcomeId: string) =>
  service.agent.reportCi(decision, { outcomeId });
async function sweep(): Promise<number> {
  const store = site.engines.state as SqliteStateStore;
  let swept = 0;
  for (;;) {
    const more = await store.sweepExpired();
    if (more === 0) return swept;
    swept += more;
  }
}

test("an outcome that is repeated after a wall clock was ahead and set right counts once, whatever came meanwhile", async () => {
  const decision = await decide("ahead");
  expect(await outcome(decision, "o")).toBe("applied");
  await service.running.drain.flush();
  site.clock.wallAheadMs += 30 * hourMs;
  expect(await outcome(decision, "meanwhile")).toBe("late");
  expect(await sweep()).toBe(0);
  site.clock.wallAheadMs -= 30 * hourMs;
  expect(await sweep()).toBe(0);
  expect(await outcome(decision, "o")).toBe("duplicate");
  expect((await site.learned("ahead")).weight).toBe(1);
});

test("also when the clock was ahead for long enough to be believed, and everything was swept", async () => {
  const decision = await decide("long-ahead");
  expect(await outcome(decision, "o")).toBe("applied");
  await service.running.drain.flush();
  site.clock.wallAheadMs += 30 * hourMs;
  await sweep();
  site.clock.aheadMs += 16 * 60_000;
  // The control: it does sweep, and what it sweeps is gone.
  expect(await sweep()).toBeGreaterThan(0);
  expect(await site.engines.state.findDecision(decision.generationId)).toBeUndefined();
  site.clock.wallAheadMs -= 30 * hourMs;
  expect(await outcome(decision, "o")).toBe("duplicate");
  expect((await site.learned("long-ahead")).weight).toBe(1);
});
