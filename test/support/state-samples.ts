import { randomBytes } from "node:crypto";
import type { Contribution } from "../../src/domain/contribution.ts";
import { formatGenerationId, layOutGenerationId } from "../../src/domain/generation-id.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "../../src/domain/ids.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type {
  ApplyContributionsInput,
  ArmKey,
  RecordDecisionInput,
  StateStore,
} from "../../src/ports/state-store.ts";
import type { Logger, Telemetry } from "../../src/ports/telemetry.ts";

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

let made = 0;

/** A new id as the service makes them: a hundred in a row share their bucket. */
export function newGenerationId(timestampMs: number = Date.now()): GenerationId {
  const bytes = randomBytes(16);
  layOutGenerationId(bytes, { timestampMs, bucket: Math.floor(made / 100) % 4096 });
  made += 1;
  return formatGenerationId(bytes);
}

export const sampleArm: ArmKey = {
  agentType: "evolution" as AgentType,
  codeType: "python_class" as CodeType,
  variantId: "evolution/edge-cases-first@1" as VariantId,
};

let arms = 0;

/** An arm that no other test has, so that one store serves them all. */
export function newArm(): ArmKey {
  arms += 1;
  return { ...sampleArm, codeType: `arm_${arms}` as CodeType };
}

/** A decision of a new generation, with a row of the usual size. */
export function decisionInput(
  generationId: GenerationId = newGenerationId(),
  ttlSeconds = 86_400,
): RecordDecisionInput {
  return {
    record: {
      generationId,
      ...sampleArm,
      decidedAtMs: Date.now(),
      retainedUntilMs: Math.ceil(Date.now() / 1000 + ttlSeconds) * 1000,
      source: "explore",
      propensity: 0.318_181_818_181_818_2,
      allocationVersion: "0123456789abcdef",
      forgettingPosition: 0,
    },
    event: {
      stream: "decisions",
      row: JSON.stringify({
        generation_id: generationId,
        note: "é".repeat(10),
        pad: "x".repeat(500),
      }),
    },
    ttlSeconds,
  };
}

/** Records so many new decisions in one turn. */
export async function recordMany(
  store: Pick<StateStore, "recordDecision">,
  count: number,
): Promise<RecordDecisionInput[]> {
  const inputs = Array.from({ length: count }, () => decisionInput());
  await Promise.all(inputs.map((input) => store.recordDecision(input)));
  return inputs;
}

/** What an outcome of that coverage is worth. */
export const coverage = (value: number, weight = 0.5): Contribution => ({
  component: "coverage",
  value,
  weight,
  penalty: 0,
});

/** One outcome with one component, of a new generation; `changes` says what differs. */
export function contributionInput(
  changes: Partial<ApplyContributionsInput> = {},
): ApplyContributionsInput {
  const { eventId = "outcome-1", generationId = newGenerationId() } = changes;
  return {
    ...sampleArm,
    eventId,
    occurredAtMs: 1_700_000_000_000,
    contributions: [coverage(0.75)],
    forgettingPosition: 0,
    event: {
      stream: "outcomes",
      row: JSON.stringify({ generation_id: generationId, outcome_id: eventId }),
    },
    ttlSeconds: 86_400,
    ...changes,
    generationId,
  };
}

/** Books one such outcome. */
export function book(
  store: Pick<StateStore, "applyContributions">,
  changes?: Partial<ApplyContributionsInput>,
): ReturnType<StateStore["applyContributions"]> {
  return store.applyContributions(contributionInput(changes));
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export const silentTelemetry: Telemetry = {
  count: () => undefined,
  gauge: () => undefined,
  observeMs: () => undefined,
};
