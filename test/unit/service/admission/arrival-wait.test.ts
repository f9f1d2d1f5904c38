import { expect, it } from "vitest";
import { ArrivalWait } from "../../../../src/service/admission/arrival-wait.ts";

/** An event loop of which the test decides when it works and when it idles. */
function openLoop() {
  let nowMs = 5_000;
  let idledMs = 70;
  const wait = new ArrivalWait({
    clock: { nowMs: () => 0, monotonicMs: () => nowMs },
    idleMs: () => idledMs,
  });
  return {
    wait,
    work: (ms: number) => {
      nowMs += ms;
    },
    idle: (ms: number) => {
      nowMs += ms;
      idledMs += ms;
    },
  };
}

it("is nothing for the first call, and no more than the work of the turn before for those that find an idle loop", () => {
  const { wait, idle, work } = openLoop();
  expect(wait.read()).toBe(0);
  wait.endTurn();
  for (let turn = 0; turn < 3; turn += 1) {
    work(1);
    idle(20);
    expect(wait.read()).toBe(1);
    wait.endTurn();
  }
});

it("is the time since the turn before, while the loop has not idled", () => {
  const { wait, work } = openLoop();
  wait.read();
  wait.endTurn();
  work(130);
  expect(wait.read()).toBe(130);
  wait.endTurn();
  work(7);
  expect(wait.read()).toBe(7);
});

it("grows within a turn, for those that are read last have waited for the others too", () => {
  const { wait, work } = openLoop();
  wait.read();
  wait.endTurn();
  work(10);
  expect(wait.read()).toBe(10);
  work(4);
  expect(wait.read()).toBe(14);
  work(1);
  expect(wait.read()).toBe(15);
  wait.endTurn();
  // The next turn counts from the beginning of this one: what came while it was read waits since then.
  work(2);
  expect(wait.read()).toBe(7);
});

it("has no part of the time in which the loop idled, and all of a pause after that", () => {
  const { wait, idle, work } = openLoop();
  wait.read();
  wait.endTurn();
  work(3);
  idle(12);
  // As for garbage collection, in the middle of something else.
  work(90);
  expect(wait.read()).toBe(93);
  wait.endTurn();
  idle(400);
  work(1);
  expect(wait.read()).toBe(1);
});

it("sees this process's own loop block and idle", async () => {
  const clock = { nowMs: () => 0, monotonicMs: () => performance.now() };
  const wait = new ArrivalWait({ clock });
  wait.read();
  const beganMs = performance.now();
  while (performance.now() < beganMs + 40);
  wait.endTurn();
  await new Promise((resolve) => setImmediate(resolve));
  expect(wait.read()).toBeGreaterThanOrEqual(40);
  wait.endTurn();

  const asleepMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const waitedMs = wait.read();
  // However busy the machine is: the loop had nothing to do for the time of the timer, but for a few milliseconds.
  expect(performance.now() - asleepMs - waitedMs).toBeGreaterThan(30);
});
