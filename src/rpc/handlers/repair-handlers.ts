import { parseAgentType } from "../../domain/ids.ts";
import type { RebuildResponse, RepairService } from "../../gen/bandit/v1/repair_service_pb.ts";
import type { RebuildStep, RepairApi } from "../../service/api/repair.ts";
import type { ServiceHandlers } from "./service-handlers.ts";

export function repairHandlers(service: RepairApi): ServiceHandlers<typeof RepairService> {
  return {
    async *rebuild({ check, force, agentType }, context) {
      const only = agentType === "" ? {} : { agentType: parseAgentType(agentType) };
      for await (const step of service.rebuild({ check, force, ...only }, context)) {
        yield { $typeName: "bandit.v1.RebuildResponse", step: stepMessage(step) };
      }
    },
  };
}

function stepMessage(step: RebuildStep): RebuildResponse["step"] {
  switch (step.kind) {
    case "progress":
      return {
        case: "progress",
        value: {
          $typeName: "bandit.v1.RebuildProgress",
          doing: step.doing,
          groupsDone: step.groupsDone,
          groupsTotal: step.groupsTotal,
          eventsRead: BigInt(step.eventsRead),
        },
      };
    case "difference":
      return {
        case: "difference",
        value: {
          $typeName: "bandit.v1.PosteriorDifference",
          ...step.arm,
          field: step.field,
          live: step.live,
          recomputed: step.recomputed,
        },
      };
    case "summary":
      return {
        case: "summary",
        value: {
          $typeName: "bandit.v1.RebuildSummary",
          arms: step.arms,
          armsDifferent: step.armsDifferent,
          armsReplaced: step.armsReplaced,
          armsUnsettled: step.armsUnsettled,
          armsBeyondLog: step.armsBeyondLog,
          armsWithoutEvents: step.armsWithoutEvents,
          deadLetters: step.deadLetters,
          decisionsRestored: BigInt(step.decisionsRestored),
          ledgersRestored: BigInt(step.ledgersRestored),
          eventsRead: BigInt(step.eventsRead),
        },
      };
  }
}
