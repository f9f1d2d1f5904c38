import { describe, expect, it } from "vitest";
import type { Placement } from "../../../../src/adapters/state/placement-codec.ts";
import type { DecisionRecord } from "../../../../src/domain/decision.ts";
import {
  parseAgentType,
  parseCodeType,
  parseGenerationId,
  parseVariantId,
} from "../../../../src/domain/ids.ts";
import type { DecisionRow } from "../../../../src/ports/event-rows.ts";
import type { OutboxEvent } from "../../../../src/ports/state-store.ts";
import { decisionEvent } from "../../../../src/service/deciding/decision-event.ts";

const variantIds = [parseVariantId("evolution/a@1"), parseVariantId("evolution/b@1")];
const expected: Omit<DecisionRow, "forgetting_position" | "context_epoch" | "context"> = {
  generation_id: "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b",
  agent_type: "evolution",
  code_type: "C++/x",
  agent_id: 'quote " backslash \\ newline \n end',
  conversation_id: "ünï\u2028",
  variant_id: "evolution/a@1",
  source: "explore",
  propensity: 1 / 3,
  allocation_version: "0123456789abcdef",
  arm_variant_ids: variantIds,
  arm_probabilities: [1 / 3, 2 / 3],
  features: { lines: 12.5, 'odd "name"': -1e-7 },
  experiment_id: "",
  experiment_arm: "",
  mode: "learning",
  degraded: 0,
  degraded_reason: "",
  decided_at: "2023-11-14 22:13:20.007",
};

function eventWith(placement: Placement & Pick<DecisionRecord, "experiment">): OutboxEvent {
  return decisionEvent({
    record: {
      generationId: parseGenerationId(expected.generation_id),
      agentType: parseAgentType("evolution"),
      codeType: parseCodeType("C++/x"),
      variantId: parseVariantId("evolution/a@1"),
      decidedAtMs: 1_700_000_000_007,
      retainedUntilMs: 1_700_000_100_000,
      source: "explore",
      propensity: 1 / 3,
      allocationVersion: expected.allocation_version,
      ...placement,
    },
    request: {
      agentType: parseAgentType("evolution"),
      codeType: parseCodeType("C++/x"),
      agentId: expected.agent_id,
      conversationId: expected.conversation_id,
      features: expected.features,
      allowedVariantIds: [],
    },
    variantIds,
    probabilities: Float64Array.of(1 / 3, 2 / 3),
    mode: "learning",
  });
}

describe("decision event", () => {
  it("is the JSON of a row, whatever is in the free-form fields", () => {
    const event = eventWith({ forgettingPosition: 0 });
    expect(event.stream).toBe("decisions");
    expect(event.row).not.toContain("\n");
    expect(JSON.parse(event.row)).toEqual(expected);
  });

  it("tells the place in forgetting and the context where there are any", () => {
    expect(JSON.parse(eventWith({ forgettingPosition: 1 / 3 }).row)).toEqual({
      ...expected,
      forgetting_position: 1 / 3,
    });
    const context = { epoch: 1_700_000_000_000, values: [1, -1e-7] };
    expect(JSON.parse(eventWith({ forgettingPosition: 0, context }).row)).toEqual({
      ...expected,
      context_epoch: context.epoch,
      context: context.values,
    });
  });

  it("tells the experiment and its arm", () => {
    const experiment = { id: 'quote "', arm: "treatment" };
    expect(JSON.parse(eventWith({ forgettingPosition: 0, experiment }).row)).toEqual({
      ...expected,
      experiment_id: experiment.id,
      experiment_arm: experiment.arm,
    });
  });
});
