import {
  type AsyncMethod,
  type AsyncMethods,
  eventLogMethods,
  intercept,
  stateStoreMethods,
} from "../../src/adapters/wrappers/intercept.ts";
import { BanditError } from "../../src/domain/errors.ts";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { StateStore } from "../../src/ports/state-store.ts";

/**
 * What becomes of one call. `refused`: nothing is done, and it fails. `lost`: it is done, and its answer lost. `silent`:
 * it is not answered, done or not, and where `failsAfterMs` is given it fails so much later, as by the time-out of a
 * connection. `afterMs`: it is begun so much later.
 */
export type Fault =
  | { readonly kind: "refused" | "lost" }
  | { readonly kind: "silent"; readonly isDone: boolean; readonly failsAfterMs?: number }
  | { readonly kind: "late"; readonly afterMs: number };

/** Asked for every call; undefined: nothing is the matter with it. */
export type FaultPlan<Port> = (method: AsyncMethod<Port>) => Fault | undefined;

/** A state store whose calls fare as planned. Listings and announcements, which give no promise, are left alone. */
export function faultyStateStore(
  state: StateStore,
  plan: FaultPlan<StateStore>,
  sleep?: Sleep,
): StateStore {
  return {
    ...faulty(state, { methods: stateStoreMethods, plan, reason: "STATE_UNAVAILABLE", sleep }),
    shared: state.shared,
    get repair() {
      return state.repair;
    },
    listTotals: () => state.listTotals(),
    onTotalsChanged: (listener) => state.onTotalsChanged(listener),
    close: () => state.close(),
  };
}

/** An event log whose calls fare as planned. */
export function faultyEventLog(
  eventLog: EventLog,
  plan: FaultPlan<EventLog>,
  sleep?: Sleep,
): EventLog {
  return {
    ...faulty(eventLog, { methods: eventLogMethods, plan, reason: "EVENT_LOG_UNAVAILABLE", sleep }),
    close: () => eventLog.close(),
  };
}

/** Passes so much time; of a test's own clock, or real time. */
export type Sleep = (ms: number) => Promise<void>;

/** Shares of the calls that are refused, lost, silent and late; the rest is left alone. */
export interface FaultShares {
  readonly refused?: number;
  readonly lost?: number;
  readonly silent?: number;
  readonly late?: number;
  /** A late call is so much late at most. */
  readonly lateMsMax?: number;
  /** Silent calls fail after so much time. Absent: never. */
  readonly silentMs?: number;
}

/** Faults by chance, the same for the same seed and the same sequence of calls; `shares` is asked for every call. */
export function seededFaults(seed: number, shares: () => FaultShares): () => Fault | undefined {
  const random = SeededGenerator.fromSeed(seed);
  return () => {
    const { refused = 0, lost = 0, silent = 0, late = 0, lateMsMax = 50, silentMs } = shares();
    const fails = silentMs === undefined ? {} : { failsAfterMs: silentMs };
    const at = random.next();
    const amount = random.next();
    if (at < refused) return { kind: "refused" };
    if (at < refused + lost) return { kind: "lost" };
    if (at < refused + lost + silent) return { kind: "silent", isDone: amount < 0.5, ...fails };
    if (at < refused + lost + silent + late) return { kind: "late", afterMs: amount * lateMsMax };
    return undefined;
  };
}

function faulty<Port extends object>(
  port: Port,
  options: {
    methods: AsyncMethods<Port>;
    plan: FaultPlan<Port>;
    reason: string;
    sleep: Sleep | undefined;
  },
): Pick<Port, AsyncMethod<Port>> {
  const sleep = options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  const unavailable = () =>
    new BanditError("unavailable", "as planned", { reason: options.reason });
  return intercept(
    () => port,
    options.methods,
    async (call, method) => {
      const fault = options.plan(method);
      if (fault?.kind === "refused") throw unavailable();
      if (fault?.kind === "late") await sleep(fault.afterMs);
      const isDone = fault?.kind !== "silent" || fault.isDone;
      const result = isDone ? await call() : undefined;
      if (fault?.kind === "lost") throw unavailable();
      if (fault?.kind !== "silent") return result as Awaited<ReturnType<typeof call>>;
      if (fault.failsAfterMs === undefined) return new Promise(() => undefined);
      await sleep(fault.failsAfterMs);
      throw unavailable();
    },
  );
}

/** The port of a process: once its life is over, no call of it is begun and none is answered. */
export function mortal<Port extends object>(life: { readonly isOver: boolean }, port: Port): Port {
  const never = () => new Promise<never>(() => undefined);
  return around(port, async (call) => {
    if (life.isOver) return never();
    try {
      return await call();
    } finally {
      if (life.isOver) await never();
    }
  });
}

const withoutPromise = new Set<PropertyKey>([
  ...["onChange", "onTotalsChanged", "listTotals", "read", "has", "find"],
]);

/** `port` with `pass` around each call that returns a promise. */
export function around<Port extends object>(
  port: Port,
  pass: (call: () => unknown, method: PropertyKey) => unknown,
): Port {
  return new Proxy(port, {
    get: (target, name) => {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      const call = (...args: unknown[]) => member.apply(target, args);
      if (withoutPromise.has(name)) return call;
      return async (...args: unknown[]) => pass(() => call(...args), name);
    },
  });
}
