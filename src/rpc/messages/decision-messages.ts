import { type Duration, durationMs, type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { invalidField, invariant } from "../../domain/errors.ts";
import {
  parseAgentType,
  parseCodeType,
  parseGenerationId,
  parseOutcomeId,
  parseVariantId,
} from "../../domain/ids.ts";
import { defined } from "../../domain/optional-fields.ts";
import type { GenerationReport, Outcome, OutcomeContent } from "../../domain/outcome.ts";
import type {
  RecordGenerationRequest,
  RecordOutcomeRequest,
  RecordOutcomeResponse,
  SelectVariantRequest,
  SelectVariantResponse,
} from "../../gen/bandit/v1/decision_service_pb.ts";
import type { Decision, OutcomeResult, SelectRequest } from "../../service/api/decisions.ts";
import { decisionSourceToProto, outcomeStatusToProto, userActionFromProto } from "./enums.ts";
import { servedVariantMessage } from "./variant-messages.ts";
import { requireNanos } from "./whole-units.ts";

// Requests have passed the contract's rules; the parsers of ids only give them their types.

export function parseSelectRequest(request: SelectVariantRequest): SelectRequest {
  const { generationId } = request;
  return {
    agentType: parseAgentType(request.agentType),
    codeType: parseCodeType(request.codeType),
    agentId: request.agentId,
    conversationId: request.conversationId,
    ...(generationId === undefined ? {} : { generationId: parseGenerationId(generationId) }),
    features: request.features,
    allowedVariantIds: request.allowedVariantIds.map((id, index) =>
      parseVariantId(id, `allowed_variant_ids[${index}]`),
    ),
  };
}

export function selectVariantResponse(decision: Decision): SelectVariantResponse {
  return {
    $typeName: "bandit.v1.SelectVariantResponse",
    generationId: decision.generationId,
    variant: servedVariantMessage(decision.variant),
    source: decisionSourceToProto[decision.source],
    propensity: decision.propensity,
    allocationVersion: decision.allocationVersion,
    experimentId: decision.experimentId,
    experimentArm: decision.experimentArm,
    degraded: decision.degraded,
    degradedReason: decision.degradedReason,
    patterns: [],
  };
}

export function parseGenerationReport(request: RecordGenerationRequest): GenerationReport {
  const { temperature, topP, maxTokens, promptTokens, completionTokens, costUsd, testsGenerated } =
    request;
  return {
    generationId: parseGenerationId(request.generationId),
    model: request.model,
    ...defined({
      temperature,
      topP,
      maxTokens,
      durationMs: request.duration === undefined ? undefined : taskDurationMs(request.duration),
      promptTokens,
      completionTokens,
      costUsd,
      testsGenerated,
    }),
    codeHash: request.codeHash,
    content: request.content,
  };
}

export function parseOutcome(request: RecordOutcomeRequest): Outcome {
  return {
    generationId: parseGenerationId(request.generationId),
    ...defined({
      outcomeId: request.outcomeId === undefined ? undefined : parseOutcomeId(request.outcomeId),
      occurredAtMs: request.occurredAt === undefined ? undefined : occurredAtMs(request.occurredAt),
    }),
    content: parseOutcomeContent(request.outcome),
  };
}

// The validator evaluates rules on Duration and Timestamp as CEL, 21 µs each where a whole request takes 3.

const taskDurationMsMax = 30 * 24 * 3600 * 1000;

function taskDurationMs(duration: Duration): number {
  requireNanos(duration, "duration");
  const milliseconds = durationMs(duration);
  if (milliseconds < 0 || milliseconds > taskDurationMsMax) {
    throw invalidField("duration", "must be from 0 to 30 days");
  }
  return Math.round(milliseconds);
}

const occurredAtMsMin = Date.UTC(2000, 0);
const occurredAtMsMax = Date.UTC(2100, 0);

function occurredAtMs(timestamp: Timestamp): number {
  requireNanos(timestamp, "occurred_at");
  const milliseconds = timestampMs(timestamp);
  if (milliseconds < occurredAtMsMin || milliseconds >= occurredAtMsMax) {
    throw invalidField("occurred_at", "must be in the years 2000 to 2099");
  }
  return milliseconds;
}

function parseOutcomeContent(outcome: RecordOutcomeRequest["outcome"]): OutcomeContent {
  switch (outcome.case) {
    case "testRun": {
      const { passed, failed, coverage, mutationScore } = outcome.value;
      return { source: "test_run", passed, failed, ...defined({ coverage, mutationScore }) };
    }
    case "rating": {
      const { coverage, quality, relevance, overall, comment, userId } = outcome.value;
      return {
        source: "user_rating",
        ...defined({ coverage, quality, relevance, overall }),
        comment,
        userId,
      };
    }
    case "action": {
      const { kind, editDistance, userId } = outcome.value;
      return {
        source: "user_action",
        action: userActionFromProto(kind),
        editDistance: editDistance ?? 0,
        userId,
      };
    }
    case "ci": {
      const { passed, pipeline, url } = outcome.value;
      invariant(passed !== undefined, "validated: passed is required");
      return { source: "ci", passed, pipeline, url };
    }
    case "custom":
      return { source: "custom", metrics: outcome.value.metrics };
    case undefined:
      throw invalidField("outcome", "exactly one field is required in oneof");
  }
}

export function recordOutcomeResponse(result: OutcomeResult): RecordOutcomeResponse {
  return {
    $typeName: "bandit.v1.RecordOutcomeResponse",
    outcomeId: result.outcomeId,
    status: outcomeStatusToProto[result.status],
  };
}
