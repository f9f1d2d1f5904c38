import type { DecisionRow, GenerationRow, OutcomeRow } from "../../src/ports/event-rows.ts";
import {
  sampleDecision,
  sampleGeneration,
  sampleGenerationId,
  sampleOutcome,
} from "./clickhouse-event-samples.ts";
import { seededUnit } from "./seeded-ids.ts";

export interface AnalystData {
  readonly decisions: readonly DecisionRow[];
  readonly generations: readonly GenerationRow[];
  readonly outcomes: readonly OutcomeRow[];
}

/** Pass probability, cost and duration of each arm; the first is the best. */
const arms = [
  { name: "edge-cases-first", passRate: 0.85, costUsd: 0.02, durationMs: 2_400 },
  { name: "property-based", passRate: 0.7, costUsd: 0.03, durationMs: 4_100 },
  { name: "plain", passRate: 0.55, costUsd: 0.008, durationMs: 1_200 },
] as const;
const shares = [0.6, 0.25, 0.15] as const;
const codeTypes = ["python_class", "react_component"] as const;
const agentTypes = ["evolution", "requirements"] as const;

/** 600 generations of the last 14 days: most reported, two thirds with a test run, fewer with a rating, an edit, a CI run. */
export function analystData(nowMs: number): AnalystData {
  const random = seededUnit(20_261_123);
  const decisions: DecisionRow[] = [];
  const generations: GenerationRow[] = [];
  const outcomes: OutcomeRow[] = [];
  for (let index = 0; index < 600; index += 1) {
    const agent_type = agentTypes[index % 4 === 0 ? 1 : 0] as string;
    const code_type = codeTypes[index % 2] as string;
    const armIds = arms.map(({ name }) => `${agent_type}/${name}@1`);
    const drawn = draw(random());
    const arm = arms[drawn] as (typeof arms)[number];
    const decidedMs = nowMs - Math.floor(random() * 13.5 * 86_400_000) - 3_600_000;
    const shared = {
      generation_id: sampleGenerationId(index, 0x30),
      agent_type,
      code_type,
      variant_id: armIds[drawn] as string,
      decided_at: timeText(decidedMs),
    };
    decisions.push(
      sampleDecision({
        ...shared,
        agent_id: `${agent_type}_${index % 5}`,
        conversation_id: `c-${index % 120}`,
        source: index % 50 === 7 ? "fallback" : drawn === 0 ? "exploit" : "explore",
        propensity: shares[drawn] as number,
        arm_variant_ids: armIds,
        arm_probabilities: [...shares],
        degraded: index % 50 === 7 ? 1 : 0,
        degraded_reason: index % 50 === 7 ? "STATE_UNAVAILABLE" : "",
      }),
    );
    if (random() < 0.95) {
      const cost_usd = arm.costUsd * (0.8 + 0.4 * random());
      generations.push(
        sampleGeneration({
          ...shared,
          duration_ms: arm.durationMs * (0.5 + random()),
          cost_usd,
          reward_penalties: [cost_usd],
          recorded_at: timeText(decidedMs + 5_000),
        }),
      );
    }
    const outcome = (kind: string, change: Partial<OutcomeRow>) =>
      outcomes.push(
        sampleOutcome({
          ...shared,
          outcome_id: `${kind}-${index}`,
          occurred_at: timeText(decidedMs + 60_000),
          received_at: timeText(decidedMs + 61_000),
          reward_components: [],
          reward_values: [],
          reward_weights: [],
          reward_penalties: [],
          learned: 0,
          ...change,
        }),
      );
    if (random() < 0.66) {
      const passed = random() < arm.passRate ? 1 : 0;
      outcome("test", {
        metrics: {
          tests_passed: 10 * passed,
          tests_failed: 10 - 10 * passed,
          test_pass_rate: passed,
          coverage: random(),
        },
        reward_components: ["test_pass_rate"],
        reward_values: [passed],
        reward_weights: [1],
        reward_penalties: [0],
        learned: 1,
      });
    }
    if (random() < 0.3) {
      const rating = Math.ceil(random() * 5);
      outcome("rating", {
        source: "user_rating",
        metrics: { rating_overall: rating, rating_quality: rating },
      });
    }
    if (random() < 0.3) {
      const distance = Math.round(random() * 100) / 100;
      outcome("action", {
        source: "user_action",
        action: "edited",
        metrics: { user_action: 1 - distance, edit_distance: distance },
      });
    }
    if (random() < 0.2)
      outcome("ci", { source: "ci", metrics: { ci_passed: random() < 0.8 ? 1 : 0 } });
  }
  return { decisions, generations, outcomes };
}

function draw(unit: number): number {
  return unit < 0.6 ? 0 : unit < 0.85 ? 1 : 2;
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("T", " ").replace("Z", "");
}
