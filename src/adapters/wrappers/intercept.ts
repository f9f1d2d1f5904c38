import type { EventLog } from "../../ports/event-log.ts";
import type { StateStore } from "../../ports/state-store.ts";

/** Names of a port's methods that return a promise. */
export type AsyncMethod<Port> = {
  [Name in keyof Port]: Port[Name] extends (...args: never[]) => Promise<unknown> ? Name : never;
}[keyof Port] &
  string;

/** All of them: one that is forgotten does not compile. */
export type AsyncMethods<Port> = Readonly<Record<AsyncMethod<Port>, true>>;

export const stateStoreMethods: AsyncMethods<StateStore> = {
  recordDecision: true,
  findDecision: true,
  applyContributions: true,
  readOutbox: true,
  confirmOutbox: true,
  outboxState: true,
  ping: true,
  close: true,
};

export const eventLogMethods: AsyncMethods<EventLog> = {
  append: true,
  findGeneration: true,
  listWithoutOutcome: true,
  query: true,
  listLearnedArms: true,
  findFirstDecisionMs: true,
  readClockMs: true,
  readGenerations: true,
  ping: true,
  close: true,
};

/**
 * The methods of a port that return a promise, each call of which goes through `around`; the start of a decorator of the
 * port. What else the port has is the decorator's to add.
 * @param port asked at every call, so it may come late. What it throws, the call that `around` is given throws.
 */
export function intercept<Port extends object>(
  port: () => Port,
  methods: AsyncMethods<Port>,
  around: <Result>(call: () => Promise<Result>, method: AsyncMethod<Port>) => Promise<Result>,
): Pick<Port, AsyncMethod<Port>> {
  type Method = (...args: unknown[]) => Promise<unknown>;
  const names = Object.keys(methods) as AsyncMethod<Port>[];
  const entries = names.map((name): [string, Method] => [
    name,
    (...args) =>
      around(() => (port() as Record<string, Method>)[name]?.(...args) as Promise<unknown>, name),
  ]);
  return Object.fromEntries(entries) as unknown as Pick<Port, AsyncMethod<Port>>;
}
