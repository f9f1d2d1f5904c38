import { describe, expect, it } from "vitest";
import { type AsyncMethods, intercept } from "../../../../src/adapters/wrappers/intercept.ts";
import type { EventLog } from "../../../../src/ports/event-log.ts";
import type { StateStore } from "../../../../src/ports/state-store.ts";
import {
  type Fault,
  faultyEventLog,
  faultyStateStore,
  seededFaults,
} from "../../../support/faulty.ts";
import { newGenerationId } from "../../../support/state-samples.ts";

interface Counter {
  readonly name: string;
  add(amount: number): Promise<number>;
  reset(): Promise<void>;
}

class RealCounter implements Counter {
  readonly name = "real";
  #sum = 0;
  async add(amount: number) {
    this.#sum += amount;
    return this.#sum;
  }
  async reset() {
    this.#sum = 0;
  }
}

const methods: AsyncMethods<Counter> = { add: true, reset: true };

describe("an intercepted port", () => {
  it("is the port with every call in between", async () => {
    const port = new RealCounter();
    const seen: string[] = [];
    const counter = intercept<Counter>(
      () => port,
      methods,
      async (call, method) => {
        seen.push(method);
        return call();
      },
    );
    expect(await counter.add(2)).toBe(2);
    await counter.reset();
    expect(await counter.add(3)).toBe(3);
    expect(seen).toEqual(["add", "reset", "add"]);
  });

  it("asks for its port at every call, and does not compile without one of its methods", async () => {
    let port: Counter | undefined;
    const counter = intercept<Counter>(
      () => {
        if (port === undefined) throw new Error("not there yet");
        return port;
      },
      methods,
      async (call) => call(),
    );
    await expect(counter.add(1)).rejects.toThrow("not there yet");
    port = new RealCounter();
    expect(await counter.add(1)).toBe(1);
    // @ts-expect-error reset is missing
    const some: AsyncMethods<Counter> = { add: true };
    expect(some).not.toEqual(methods);
  });
});

describe("a faulty port", () => {
  it("refuses, loses answers, is late and is silent, as planned", async () => {
    let appends = 0;
    const log = {
      async append() {
        appends += 1;
      },
    } as unknown as EventLog;
    const plan: (Fault | undefined)[] = [
      undefined,
      { kind: "refused" },
      { kind: "lost" },
      { kind: "late", afterMs: 7 },
      { kind: "silent", isDone: false, failsAfterMs: 9 },
      { kind: "silent", isDone: true },
      { kind: "silent", isDone: false },
    ];
    const slept: number[] = [];
    const faulty = faultyEventLog(
      log,
      () => plan.shift(),
      async (ms) => void slept.push(ms),
    );
    const row = { stream: "decisions", rows: "{}", deduplicationToken: "t" } as const;
    await faulty.append(row);
    await expect(faulty.append(row)).rejects.toMatchObject({ code: "unavailable" });
    expect(appends).toBe(1);
    await expect(faulty.append(row)).rejects.toMatchObject({ code: "unavailable" });
    expect(appends).toBe(2);
    await faulty.append(row);
    await expect(faulty.append(row)).rejects.toMatchObject({ code: "unavailable" });
    expect([appends, slept]).toEqual([3, [7, 9]]);
    let answers = 0;
    for (let call = 0; call < 2; call += 1) void faulty.append(row).then(() => (answers += 1));
    await new Promise((resolve) => setImmediate(resolve));
    expect([appends, answers]).toEqual([4, 0]);
  });

  it("of a state store still tells totals, and of which kind a call is to the plan", async () => {
    const listeners: unknown[] = [];
    const state = {
      shared: true,
      async findDecision() {
        return undefined;
      },
      async *listTotals() {
        yield "an arm";
      },
      onTotalsChanged: (listener: unknown) => void listeners.push(listener),
    } as unknown as StateStore;
    const asked: string[] = [];
    const faulty = faultyStateStore(state, (method) => {
      asked.push(method);
      return method === "findDecision" ? { kind: "refused" } : undefined;
    });
    await expect(faulty.findDecision(newGenerationId())).rejects.toMatchObject({
      reason: "STATE_UNAVAILABLE",
    });
    expect(asked).toEqual(["findDecision"]);
    const listed = await faulty.listTotals()[Symbol.asyncIterator]().next();
    expect(listed.value).toBe("an arm");
    faulty.onTotalsChanged(() => undefined);
    expect([listeners.length, faulty.shared]).toEqual([1, true]);
  });

  it("has the same faults for the same seed, in the shares that were asked for", () => {
    const shares = { refused: 0.2, lost: 0.1, silent: 0.05, late: 0.15 };
    const draw = (seed: number) => {
      const next = seededFaults(seed, () => shares);
      return Array.from({ length: 20_000 }, () => next());
    };
    const faults = draw(7);
    expect(draw(7)).toEqual(faults);
    expect(draw(8)).not.toEqual(faults);
    for (const [kind, share] of Object.entries(shares)) {
      const seen = faults.filter((fault) => fault?.kind === kind).length / faults.length;
      expect(Math.abs(seen - share)).toBeLessThan(0.015);
    }
  });
});
