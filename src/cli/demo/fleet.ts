import { setTimeout as sleep } from "node:timers/promises";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type BanditClient, type Policy, UserActionKind } from "../../client/index.ts";
import { type GenerationTotals, generationTotals } from "../../domain/contribution.ts";
import { type SeededRandom, seededRandom } from "../seeded.ts";
import { addTotals } from "./reward-sums.ts";
import { simulatedReward } from "./simulated-reward.ts";
import { drawLuck, type Scene, type SimulatedOutcome, simulateTask } from "./world.ts";

/** Outcomes that may be on their way at once; an agent waits when there are more. */
const outcomesPendingMax = 400;
const outcomeDelayMsMax = 400;
const thinkMsMax = 60;
/** Pause between two empty calls. */
const probePauseMs = 20;
const callDeadlineMs = 10_000;

/** What happened with one variant in one code type, as the agents saw it. */
export interface Cell {
  readonly agentType: string;
  readonly codeType: string;
  readonly variantName: string;
  decisions: number;
  /** What was earned with it. */
  earned: GenerationTotals;
  /** What it would have earned had it been given every task of the code type. */
  potential: GenerationTotals;
}

/** Milliseconds that calls took, seen by the caller. */
export interface Overhead {
  readonly select: number[];
  readonly recordGeneration: number[];
  readonly recordOutcome: number[];
  /** Of one generation: select + record generation + its first outcome. */
  readonly generation: number[];
  /** GetServiceInfo, which does nothing: what this machine takes for any call at the moment. */
  readonly emptyCall: number[];
}

export interface FleetResult {
  readonly cells: readonly Cell[];
  readonly overhead: Overhead;
  readonly tasks: number;
  readonly outcomes: number;
  readonly failures: readonly string[];
}

export interface FleetInput {
  readonly client: BanditClient;
  readonly scenes: readonly Scene[];
  /** Policy in force, by agent type. */
  readonly policies: ReadonlyMap<string, Policy>;
  readonly tasks: number;
  readonly secondsMax: number;
  readonly seed: number;
  monotonicMs(): number;
  onProgress(done: number): void;
}

/** Runs all agents at once until the tasks are done, the time is up, or a call has failed. */
export async function runFleet(input: FleetInput): Promise<FleetResult> {
  const fleet = new Fleet(input);
  const agents = input.scenes.flatMap((scene) =>
    Array.from({ length: scene.agents }, (_, index) => ({
      scene,
      agentId: `${scene.agentType}_${index + 1}`,
    })),
  );
  const probe = fleet.probe();
  await Promise.all(
    agents.map(({ scene, agentId }, index) =>
      fleet.runAgent(scene, agentId, seededRandom(input.seed * 1000 + index)),
    ),
  );
  await fleet.settle();
  await probe;
  return fleet.result();
}

class Fleet {
  readonly #input: FleetInput;
  readonly #cells = new Map<string, Cell>();
  readonly #overhead: Overhead = {
    select: [],
    recordGeneration: [],
    recordOutcome: [],
    generation: [],
    emptyCall: [],
  };
  readonly #pending = new Set<Promise<void>>();
  readonly #failures: string[] = [];
  readonly #endMs: number;
  #started = 0;
  #done = 0;
  #outcomes = 0;
  #settled = false;

  constructor(input: FleetInput) {
    this.#input = input;
    this.#endMs = input.monotonicMs() + input.secondsMax * 1000;
    for (const scene of input.scenes) {
      for (const { codeType, quality } of scene.codeTypes) {
        for (const variantName of Object.keys(quality)) {
          this.#cells.set(cellKey(scene.agentType, codeType, variantName), {
            agentType: scene.agentType,
            codeType,
            variantName,
            decisions: 0,
            earned: generationTotals([]),
            potential: generationTotals([]),
          });
        }
      }
    }
  }

  async runAgent(scene: Scene, agentId: string, random: SeededRandom): Promise<void> {
    while (this.#mayStart()) {
      this.#started += 1;
      await this.#attempt(() => this.#task(scene, agentId, random));
      this.#done += 1;
      this.#input.onProgress(this.#done);
      while (this.#pending.size >= outcomesPendingMax) await Promise.race(this.#pending);
    }
  }

  /** Makes empty calls until the fleet has settled. */
  async probe(): Promise<void> {
    while (!this.#settled && this.#failures.length === 0) {
      await this.#attempt(async () => {
        await this.#timed(this.#overhead.emptyCall, () =>
          this.#input.client.getServiceInfo({}, { deadlineMs: callDeadlineMs }),
        );
      });
      await sleep(probePauseMs);
    }
  }

  /** Waits for the outcomes that are on their way. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
    this.#settled = true;
  }

  result(): FleetResult {
    return {
      cells: [...this.#cells.values()],
      overhead: this.#overhead,
      tasks: this.#done,
      outcomes: this.#outcomes,
      failures: this.#failures,
    };
  }

  #mayStart(): boolean {
    const { tasks, monotonicMs } = this.#input;
    return this.#failures.length === 0 && this.#started < tasks && monotonicMs() < this.#endMs;
  }

  async #task(scene: Scene, agentId: string, random: SeededRandom): Promise<void> {
    const { client } = this.#input;
    const kind = scene.codeTypes[random.integer(0, scene.codeTypes.length - 1)];
    if (kind === undefined) return;
    const { codeType, quality } = kind;
    const luck = drawLuck(random);
    const call = { deadlineMs: callDeadlineMs };
    const [decision, selectMs] = await this.#timed(this.#overhead.select, () =>
      client.selectVariant({ agentType: scene.agentType, codeType, agentId }, call),
    );
    const variantName = decision.variant?.name ?? "";
    const task = simulateTask(scene, quality[variantName] ?? 0, luck);
    this.#count(scene, { codeType, quality, served: variantName, luck });
    await sleep(random.fraction() * thinkMsMax);
    const [, recordMs] = await this.#timed(this.#overhead.recordGeneration, () =>
      client.recordGeneration(
        {
          generationId: decision.generationId,
          model: decision.variant?.model || "example-model",
          duration: durationFromMs(task.durationMs),
          promptTokens: task.promptTokens,
          completionTokens: task.completionTokens,
          costUsd: task.costUsd,
        },
        call,
      ),
    );
    const delays = task.outcomes.map(() => random.fraction() * outcomeDelayMsMax);
    const report = this.#attempt(() =>
      this.#reportLater(decision.generationId, task.outcomes, delays, selectMs + recordMs),
    );
    this.#pending.add(report);
    void report.finally(() => this.#pending.delete(report));
  }

  /** Outcomes come in by themselves and in any order, as in life, only sooner. */
  async #reportLater(
    generationId: string,
    outcomes: readonly SimulatedOutcome[],
    delays: readonly number[],
    earlierMs: number,
  ): Promise<void> {
    let first = true;
    await Promise.all(
      outcomes.map(async (outcome, index) => {
        await sleep(delays[index]);
        const [, outcomeMs] = await this.#timed(this.#overhead.recordOutcome, () =>
          this.#input.client.recordOutcome(
            { generationId, outcome: outcomeMessage(outcome) },
            { deadlineMs: callDeadlineMs },
          ),
        );
        this.#outcomes += 1;
        if (first) this.#overhead.generation.push(earlierMs + outcomeMs);
        first = false;
      }),
    );
  }

  /** A call that goes wrong ends the demo, which says so. */
  async #attempt(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#failures.push(error instanceof Error ? error.message : String(error));
    }
  }

  #count(
    scene: Scene,
    task: {
      codeType: string;
      quality: Readonly<Record<string, number>>;
      served: string;
      luck: readonly number[];
    },
  ): void {
    const policy = this.#input.policies.get(scene.agentType) as Policy;
    for (const [variantName, quality] of Object.entries(task.quality)) {
      const cell = this.#cells.get(cellKey(scene.agentType, task.codeType, variantName)) as Cell;
      const totals = simulatedReward(simulateTask(scene, quality, task.luck), policy);
      cell.potential = addTotals(cell.potential, totals);
      if (variantName === task.served) {
        cell.decisions += 1;
        cell.earned = addTotals(cell.earned, totals);
      }
    }
  }

  async #timed<Result>(into: number[], call: () => Promise<Result>): Promise<[Result, number]> {
    const startedMs = this.#input.monotonicMs();
    const result = await call();
    const elapsedMs = this.#input.monotonicMs() - startedMs;
    into.push(elapsedMs);
    return [result, elapsedMs];
  }
}

function cellKey(...parts: readonly string[]): string {
  return parts.join("|");
}

function outcomeMessage(outcome: SimulatedOutcome) {
  switch (outcome.source) {
    case "testRun":
      return { case: "testRun" as const, value: outcome };
    case "ci":
      return { case: "ci" as const, value: { passed: outcome.passed, pipeline: "demo" } };
    case "rating":
      return { case: "rating" as const, value: { ...outcome, userId: "demo-user" } };
    case "action": {
      const kinds = {
        accepted: UserActionKind.ACCEPTED,
        edited: UserActionKind.EDITED,
        deleted: UserActionKind.DELETED,
      };
      return {
        case: "action" as const,
        value: {
          kind: kinds[outcome.kind],
          userId: "demo-user",
          ...(outcome.kind === "edited" ? { editDistance: outcome.editDistance } : {}),
        },
      };
    }
  }
}
