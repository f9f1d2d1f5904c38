import type { GenerationId } from "../../src/domain/ids.ts";
import type { DecisionRow, GenerationRow, OutcomeRow } from "../../src/ports/event-rows.ts";
import type { ArmKey } from "../../src/ports/state-store.ts";
import { formatEventTime } from "../../src/service/events/event-time.ts";

export { silentLogger, systemClock as testClock } from "./state-samples.ts";

/** Distinct for every number from 0 to 2^32 − 1 within one `space`. */
export function sampleGenerationId(index: number, space = 1): GenerationId {
  const tail = index.toString(16).padStart(12, "0");
  return `019a1b2c-${space.toString(16).padStart(4, "0")}-7f50-8a6b-${tail}` as GenerationId;
}

export function sampleDecision(change: Partial<DecisionRow> = {}): DecisionRow {
  return {
    generation_id: sampleGenerationId(0),
    agent_type: "evolution",
    code_type: "python_class",
    agent_id: "evolution_3",
    conversation_id: "c-1",
    variant_id: "evolution/edge-cases-first@1",
    source: "exploit",
    propensity: 0.7,
    allocation_version: "00ff",
    arm_variant_ids: ["evolution/edge-cases-first@1", "evolution/plain@1"],
    arm_probabilities: [0.7, 0.3],
    features: { lines: 120, "cyclomatic complexity": 7.25 },
    experiment_id: "",
    experiment_arm: "",
    mode: "learning",
    degraded: 0,
    degraded_reason: "",
    decided_at: "2026-11-20 10:00:00.123",
    forgetting_position: 0,
    context_epoch: 0,
    context: [],
    ...change,
  };
}

export function sampleGeneration(change: Partial<GenerationRow> = {}): GenerationRow {
  return {
    generation_id: sampleGenerationId(0),
    agent_type: "evolution",
    code_type: "python_class",
    variant_id: "evolution/edge-cases-first@1",
    model: "gpt-4o-mini",
    temperature: 0.2,
    top_p: null,
    max_tokens: 2000,
    duration_ms: 1834.5,
    prompt_tokens: 900,
    completion_tokens: 400,
    cost_usd: 0.0125,
    tests_generated: 8,
    code_hash: "ab12",
    content: "",
    reward_components: ["cost"],
    reward_values: [0],
    reward_weights: [0],
    reward_penalties: [0.0125],
    learned: 1,
    late: 0,
    decided_at: "2026-11-20 10:00:00.123",
    recorded_at: "2026-11-20 10:00:02.000",
    ...change,
  };
}

export function sampleOutcome(change: Partial<OutcomeRow> = {}): OutcomeRow {
  return {
    outcome_id: "o-1",
    generation_id: sampleGenerationId(0),
    agent_type: "evolution",
    code_type: "python_class",
    variant_id: "evolution/edge-cases-first@1",
    source: "test_run",
    metrics: { tests_passed: 9, tests_failed: 1, test_pass_rate: 0.9, coverage: 0.8 },
    action: "",
    comment: "",
    user_hash: "",
    ci_pipeline: "",
    ci_url: "",
    reward_components: ["test_pass_rate", "coverage"],
    reward_values: [0.9, 0.8],
    reward_weights: [0.5, 0.25],
    reward_penalties: [0, 0],
    learned: 1,
    late: 0,
    decided_at: "2026-11-20 10:00:00.123",
    occurred_at: "2026-11-20 10:05:00.000",
    received_at: "2026-11-20 10:05:00.100",
    ...change,
  };
}

/** The columns that every event of a generation has. */
export function columnsOf(generation: ArmKey & { generationId: string; decidedAtMs: number }) {
  return {
    generation_id: generation.generationId as GenerationId,
    agent_type: generation.agentType,
    code_type: generation.codeType,
    variant_id: generation.variantId,
    decided_at: formatEventTime(generation.decidedAtMs),
  };
}

export function asLines(rows: readonly object[]): string {
  return rows.map((row) => JSON.stringify(row)).join("\n");
}
