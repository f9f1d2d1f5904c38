import type { BanditClient } from "../../../src/client/index.ts";
import type { FaultWindow } from "./call-log.ts";
import type { LedgerModel } from "./ledger-model.ts";
import type { EngineQuery } from "./logged-events.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { VirtualLoad } from "./virtual-load.ts";

/** What a fault is broken on and judged by. */
export interface FaultSite {
  readonly services: readonly ServiceProcess[];
  readonly query: EngineQuery;
  client(replica: number): BanditClient;
  /** Puts everything right that a fault has broken and not put right itself. Idempotent. */
  heal(): Promise<void>;
}

export interface Fault<Site extends FaultSite = FaultSite> {
  /** In the report, and the code types are named after it. */
  readonly number: number;
  /** Of the test, and in the report. */
  readonly name: string;
  /** Before the agents begin. */
  readonly prepare?: (site: Site) => Promise<void>;
  /** Breaks something while agents work, and puts it right again. */
  readonly inject: (context: FaultContext, site: Site) => Promise<void>;
  /** Puts right, when the agents are done, what does not put itself right. */
  readonly repair?: (context: FaultContext, site: Site) => Promise<void>;
  readonly tasksPerSecond?: number;
  /** How long events may take to be in the event log; two minutes when absent. */
  readonly settleTimeoutMs?: number;
  /** A bound is reached at which decisions are answered without being stored. */
  readonly allowsUnrecorded?: boolean;
}

/** What a fault knows of the agents, and what it tells of itself. */
export class FaultContext {
  readonly load: VirtualLoad;
  readonly ledger: LedgerModel;
  readonly windows: FaultWindow[] = [];
  /** What was done, in words, for the message of a failure. */
  readonly done: string[] = [];

  constructor(load: VirtualLoad, ledger: LedgerModel) {
    this.load = load;
    this.ledger = ledger;
  }

  /** Notes that a process is down, or that decisions may be marked, from now until `body` has ended. */
  async during(kind: "process_down" | "disturbed", body: () => Promise<void>): Promise<void> {
    const fromMs = performance.now();
    await body().finally(() => this.windows.push({ kind, fromMs, toMs: performance.now() }));
  }

  /** Takes the state store away with `begin`, and gives it back with `end` when `body` has ended. */
  async stateOutage(outage: {
    begin: () => Promise<void> | void;
    body: () => Promise<void>;
    end: () => Promise<void> | void;
  }): Promise<void> {
    await this.during("disturbed", async () => {
      await outage.begin();
      const fromMs = performance.now() + outageGraceMs;
      await outage.body();
      this.windows.push({ kind: "state_unreachable", fromMs, toMs: performance.now() });
      await outage.end();
    });
  }
}

/** Until what was under way when the state store went has been answered or given up. */
const outageGraceMs = 300;
