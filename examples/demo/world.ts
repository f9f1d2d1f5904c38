import type { Luck } from "./luck.ts";

/** The hidden truth the service has to find out: how good each variant is for each kind of input, in [0,1]. */
export interface Scene {
  readonly agentType: string;
  readonly agents: number;
  /** Which sources report, and for what share of the tasks. */
  readonly reports: {
    readonly testRun: number;
    readonly ci: number;
    readonly action: number;
    readonly rating: number;
  };
  readonly codeTypes: readonly {
    readonly codeType: string;
    /** By variant name. */
    readonly quality: Readonly<Record<string, number>>;
  }[];
}

/** No variant is best everywhere, so an agent that sticks to one loses. */
export const scenes: readonly Scene[] = [
  {
    agentType: "evolution",
    agents: 4,
    reports: { testRun: 1, ci: 0.7, action: 0.6, rating: 0 },
    codeTypes: [
      {
        codeType: "python_class",
        quality: { "baseline-direct": 0.52, "edge-cases-first": 0.6, "spec-then-tests": 0.82 },
      },
      {
        codeType: "python_function",
        quality: { "baseline-direct": 0.58, "edge-cases-first": 0.84, "spec-then-tests": 0.62 },
      },
      {
        codeType: "react_component",
        quality: { "baseline-direct": 0.8, "edge-cases-first": 0.55, "spec-then-tests": 0.6 },
      },
    ],
  },
  {
    agentType: "analysis",
    agents: 3,
    reports: { testRun: 0, ci: 0.5, action: 0.9, rating: 0.5 },
    codeTypes: [
      {
        codeType: "python_module",
        quality: { "baseline-review": 0.5, "trace-execution": 0.82, "risk-lenses": 0.58 },
      },
      {
        codeType: "typescript_module",
        quality: { "baseline-review": 0.54, "trace-execution": 0.57, "risk-lenses": 0.82 },
      },
    ],
  },
  {
    agentType: "reporting",
    agents: 3,
    reports: { testRun: 0, ci: 0, action: 0.9, rating: 0.6 },
    codeTypes: [
      {
        codeType: "weekly_summary",
        quality: {
          "baseline-summary": 0.48,
          "questions-and-answers": 0.58,
          "one-story-per-change": 0.82,
        },
      },
      {
        codeType: "incident_review",
        quality: {
          "baseline-summary": 0.54,
          "questions-and-answers": 0.83,
          "one-story-per-change": 0.58,
        },
      },
    ],
  },
];

/** What one task would bring with one variant. */
export interface SimulatedTask {
  readonly durationMs: number;
  readonly costUsd: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly outcomes: readonly SimulatedOutcome[];
}

export type SimulatedOutcome =
  | {
      readonly source: "testRun";
      readonly passed: number;
      readonly failed: number;
      readonly coverage: number;
      readonly mutationScore: number;
    }
  | { readonly source: "ci"; readonly passed: boolean }
  | {
      readonly source: "action";
      readonly kind: "accepted" | "edited" | "deleted";
      /** 0 unless edited. */
      readonly editDistance: number;
    }
  | {
      readonly source: "rating";
      readonly quality: number;
      readonly relevance: number;
      readonly overall: number;
    };

const testsPerRun = 12;
/**
 * What happens when a variant of this quality gets a task with this luck: a pure function, with the same luck whichever
 * variant it is, so that variants compare fairly.
 */
export function simulateTask(scene: Scene, quality: number, luck: Luck): SimulatedTask {
  const at = (index: number): number => luck(testsPerRun + index);
  const outcomes: SimulatedOutcome[] = [];
  if (at(0) < scene.reports.testRun) {
    let passed = 0;
    for (let test = 0; test < testsPerRun; test += 1) {
      if (luck(test) < 0.25 + 0.75 * quality) passed += 1;
    }
    outcomes.push({
      source: "testRun",
      passed,
      failed: testsPerRun - passed,
      coverage: clamp(0.2 + 0.7 * quality + spread(at(1), 0.15), 0, 1),
      mutationScore: clamp(0.1 + 0.7 * quality + spread(at(2), 0.2), 0, 1),
    });
  }
  if (at(3) < scene.reports.ci)
    outcomes.push({ source: "ci", passed: at(4) < 0.2 + 0.75 * quality });
  if (at(5) < scene.reports.action) outcomes.push(simulateAction(quality, at(6), at(7)));
  if (at(8) < scene.reports.rating) {
    const stars = (luckAt: number): number =>
      clamp(Math.round(1 + 4 * (quality + spread(luckAt, 0.35))), 1, 5);
    outcomes.push({
      source: "rating",
      quality: stars(at(9)),
      relevance: stars(at(10)),
      overall: stars(at(11)),
    });
  }
  const promptTokens = Math.round(600 + 900 * at(12));
  const completionTokens = Math.round(300 + 1200 * at(13));
  return {
    durationMs: Math.round(2000 + 12_000 * at(14)),
    costUsd: (promptTokens * 3 + completionTokens * 15) / 1e6,
    promptTokens,
    completionTokens,
    outcomes,
  };
}

function simulateAction(quality: number, choice: number, extent: number): SimulatedOutcome {
  if (choice < quality * 0.8) return { source: "action", kind: "accepted", editDistance: 0 };
  if (choice < quality * 0.8 + 0.15) {
    return { source: "action", kind: "edited", editDistance: 0.1 + 0.6 * extent * (1 - quality) };
  }
  return { source: "action", kind: "deleted", editDistance: 0 };
}

/** Symmetric noise in (−width, width) from a uniform number. */
function spread(u: number, width: number): number {
  return (2 * u - 1) * width;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
