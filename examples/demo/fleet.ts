import { setTimeout as sleep } from "node:timers/promises";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  type BanditClient,
  type Policy,
  type SelectVariantResponse,
  UserActionKind,
} from "../../src/client/index.ts";
import { type Luck, luckOf } from "./luck.ts";
import { addRewards, noReward, type RewardSums, rewardOf } from "./reward.ts";
import { type Scene, type SimulatedOutcome, simulateTask } from "./world.ts";

/** Outcomes that may be on their way at once; an agent waits when there are more. */
const outcomesPendingMax = 400;
const outcomeDelayMsMax = 400;
const thinkMsMax = 60;
/** Pause between two measurements of calls that do nothing. */
const probePauseMs = 60;
/** The client waits as long as the service tells it to within this time. */
const call = { deadlineMs: 10_000 };

/** What happened with one variant in one code type, as the agents saw it. */
export interface Cell {
  readonly agentType: string;
  readonly codeType: string;
  readonly variantName: string;
  decisions: number;
  /** What was earned with it. */
  earned: RewardSums;
  /** What it would have earned had it been given every task of the code type. */
  potential: RewardSums;
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
  /** Three of them in a row. */
  readonly threeEmptyCalls: number[];
}

export interface FleetOptions {
  readonly client: BanditClient;
  readonly scenes: readonly Scene[];
  /** Policy in force, by agent type. */
  readonly policies: ReadonlyMap<string, Policy>;
  readonly tasks: number;
  readonly secondsMax: number;
  readonly seed: number;
  onProgress(done: number): void;
}

/** A fleet of agents at work. */
export class Fleet {
  readonly cells: readonly Cell[];
  readonly overhead: Overhead = {
    select: [],
    recordGeneration: [],
    recordOutcome: [],
    generation: [],
    emptyCall: [],
    threeEmptyCalls: [],
  };
  /** Calls that got no answer, or an error for one. */
  readonly lost: string[] = [];
  tasks = 0;
  outcomes = 0;
  readonly #options: FleetOptions;
  readonly #pending = new Set<Promise<void>>();
  #started = 0;
  #settled = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.cells = options.scenes.flatMap(({ agentType, codeTypes }) =>
      codeTypes.flatMap(({ codeType, quality }) =>
        Object.keys(quality).map((variantName) => ({
          agentType,
          codeType,
          variantName,
          decisions: 0,
          earned: noReward,
          potential: noReward,
        })),
      ),
    );
  }

  /** Runs all agents at once until the tasks are done, the time is up, or a call is lost. */
  async run(): Promise<void> {
    const endMs = performance.now() + this.#options.secondsMax * 1000;
    const agents = this.#options.scenes.flatMap((scene) =>
      Array.from({ length: scene.agents }, (_, index) => ({
        scene,
        agentId: `${scene.agentType}_${index + 1}`,
      })),
    );
    const probing = this.#probe();
    await Promise.all(
      agents.map(({ scene, agentId }, agent) => this.#work(scene, { agentId, agent, endMs })),
    );
    await Promise.all(this.#pending);
    this.#settled = true;
    await probing;
  }

  async #work(
    scene: Scene,
    { agentId, agent, endMs }: { agentId: string; agent: number; endMs: number },
  ): Promise<void> {
    const { tasks, seed, onProgress } = this.#options;
    for (let task = 0; this.#started < tasks && performance.now() < endMs; task += 1) {
      if (this.lost.length > 0) return;
      this.#started += 1;
      await this.#attempt(() => this.#task(scene, agentId, luckOf(seed, agent, task)));
      this.tasks += 1;
      onProgress(this.tasks);
      while (this.#pending.size >= outcomesPendingMax) await Promise.race(this.#pending);
    }
  }

  /** Measures calls that do nothing until the fleet has settled. */
  async #probe(): Promise<void> {
    const { client } = this.#options;
    while (!this.#settled && this.lost.length === 0) {
      await this.#attempt(async () => {
        let sumMs = 0;
        for (let index = 0; index < 3; index += 1) {
          const [, ms] = await timed(this.overhead.emptyCall, client.getServiceInfo({}, call));
          sumMs += ms;
        }
        this.overhead.threeEmptyCalls.push(sumMs);
      });
      await sleep(probePauseMs);
    }
  }

  async #task(scene: Scene, agentId: string, luck: Luck): Promise<void> {
    const { client } = this.#options;
    // What happens to the task has the indexes from 0, the agent's own ways those from 100.
    const kind = scene.codeTypes[Math.floor(luck(100) * scene.codeTypes.length)];
    if (kind === undefined) return;
    const { codeType, quality } = kind;
    const request = { agentType: scene.agentType, codeType, agentId };
    const [decision, selectMs] = await timed(
      this.overhead.select,
      client.selectVariant(request, call),
    );
    this.#count(scene, kind, decision, luck);
    const task = simulateTask(scene, quality[decision.variant?.name ?? ""] ?? 0, luck);
    await sleep(luck(101) * thinkMsMax);
    const report = {
      generationId: decision.generationId,
      model: decision.variant?.model || "example-model",
      duration: durationFromMs(task.durationMs),
      promptTokens: task.promptTokens,
      completionTokens: task.completionTokens,
      costUsd: task.costUsd,
    };
    const [, recordMs] = await timed(
      this.overhead.recordGeneration,
      client.recordGeneration(report, call),
    );
    const reporting = this.#attempt(() =>
      this.#reportLater(decision.generationId, task.outcomes, luck, selectMs + recordMs),
    );
    this.#pending.add(reporting);
    void reporting.finally(() => this.#pending.delete(reporting));
  }

  /** Outcomes come in by themselves and in any order, as in life, only sooner. */
  async #reportLater(
    generationId: string,
    outcomes: readonly SimulatedOutcome[],
    luck: Luck,
    earlierMs: number,
  ): Promise<void> {
    let first = true;
    await Promise.all(
      outcomes.map(async (outcome, index) => {
        await sleep(luck(102 + index) * outcomeDelayMsMax);
        const request = { generationId, outcome: outcomeMessage(outcome) };
        const [, outcomeMs] = await timed(
          this.overhead.recordOutcome,
          this.#options.client.recordOutcome(request, call),
        );
        this.outcomes += 1;
        if (first) this.overhead.generation.push(earlierMs + outcomeMs);
        first = false;
      }),
    );
  }

  #count(
    { agentType, ...scene }: Scene,
    { codeType, quality }: Scene["codeTypes"][number],
    { variant }: SelectVariantResponse,
    luck: Luck,
  ): void {
    const policy = this.#options.policies.get(agentType);
    if (policy === undefined) throw new Error(`${agentType} has no policy`);
    for (const cell of this.cells) {
      if (cell.agentType !== agentType || cell.codeType !== codeType) continue;
      const task = simulateTask({ agentType, ...scene }, quality[cell.variantName] ?? 0, luck);
      const rewards = rewardOf(task, policy);
      cell.potential = addRewards(cell.potential, rewards);
      if (cell.variantName !== variant?.name) continue;
      cell.decisions += 1;
      cell.earned = addRewards(cell.earned, rewards);
    }
  }

  async #attempt(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.lost.push(error instanceof Error ? error.message : String(error));
    }
  }
}

/** The answer of a call that was just made, and how long it took; noted as well. */
async function timed<Result>(into: number[], call: Promise<Result>): Promise<[Result, number]> {
  const startedMs = performance.now();
  const result = await call;
  const elapsedMs = performance.now() - startedMs;
  into.push(elapsedMs);
  return [result, elapsedMs];
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
      const editDistance = outcome.kind === "edited" ? { editDistance: outcome.editDistance } : {};
      return {
        case: "action" as const,
        value: { kind: kinds[outcome.kind], userId: "demo-user", ...editDistance },
      };
    }
  }
}
