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
const codeType = { agentType: parseAgentType("evolution"), codeType: parseCodeType("C++/x") };
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
      ...codeType,
      variantId: parseVariantId("evolution/a@1"),
      decidedAtMs: 1_700_000_000_007,
      retainedUntilMs: 1_700_000_100_000,
      source: "explore",
      propensity: 1 / 3,
      allocationVersion: expected.allocation_version,
      ...placement,
    },
    request: {
      ...codeType,
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

  const context = { epoch: 1_700_000_000_000, values: [1, -1e-7] };
  const experiment = { id: 'quote "', arm: "treatment" };

  it.each([
    ["the place in forgetting", { forgettingPosition: 1 / 3 }, { forgetting_position: 1 / 3 }],
    ["the context", { context }, { context_epoch: context.epoch, context: context.values }],
    ["the experiment", { experiment }, { experiment_id: 'quote "', experiment_arm: "treatment" }],
  ])("tells %s where there is one", (_, placement, columns) => {
    const event = eventWith({ forgettingPosition: 0, ...placement });
    expect(JSON.parse(event.row)).toEqual({ ...expected, ...columns });
  });
});
