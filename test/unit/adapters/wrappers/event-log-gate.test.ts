import { describe, expect, it } from "vitest";
import { gateEventLog } from "../../../../src/adapters/wrappers/event-log-gate.ts";
import type { EventLog } from "../../../../src/ports/event-log.ts";

/** An event log that answers when it is told to, and counts what it was asked. */
function eventLog() {
  const seen = { appends: 0, closed: false };
  const answer = Promise.withResolvers<void>();
  const log: Pick<EventLog, "append" | "ping" | "close"> = {
    append() {
      seen.appends += 1;
      return answer.promise;
    },
    ping: async () => undefined,
    async close() {
      seen.closed = true;
    },
  };
  return { seen, answer, gate: gateEventLog(log as EventLog) };
}

const row = { stream: "decisions", rows: "{}", deduplicationToken: "t" } as const;
const refused = { code: "unavailable", reason: "EVENT_LOG_UNAVAILABLE" };

describe("the gate before the event log", () => {
  it("lets nothing in before it is opened, but says that the engine is there", async () => {
    const { seen, gate } = eventLog();
    await expect(gate.append(row)).rejects.toMatchObject(refused);
    expect(seen.appends).toBe(0);
    await gate.ping();
  });

  it("lets calls through while it is open", async () => {
    const { seen, answer, gate } = eventLog();
    gate.open();
    const appended = gate.append(row);
    answer.resolve();
    await appended;
    expect(seen.appends).toBe(1);
  });

  it("ends a call that hangs when it is shut, and stays shut", async () => {
    const { seen, gate } = eventLog();
    gate.open();
    const hanging = gate.append(row);
    gate.shut("the service is stopping");
    await expect(hanging).rejects.toMatchObject(refused);
    gate.open();
    await expect(gate.append(row)).rejects.toThrow(/stopping/);
    expect(seen.appends).toBe(1);
    await gate.close();
    expect(seen.closed).toBe(true);
  });
});
