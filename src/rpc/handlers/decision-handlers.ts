import { BanditError } from "../../domain/errors.ts";
import { parseAgentType, parseCodeType } from "../../domain/ids.ts";
import {
  type DecisionService,
  RecordOutcomeRequestSchema,
  SelectVariantRequestSchema,
} from "../../gen/bandit/v1/decision_service_pb.ts";
import type { DecisionApi } from "../../service/api/decisions.ts";
import { allocationMessage } from "../messages/allocation-messages.ts";
import { VariantRoom } from "../messages/answer-room.ts";
import {
  parseGenerationReport,
  parseOutcome,
  parseSelectRequest,
  recordOutcomeResponse,
  selectVariantResponse,
} from "../messages/decision-messages.ts";
import { recordStatusToProto } from "../messages/enums.ts";
import { BatchItems, type BatchOptions } from "./batch-items.ts";
import type { ServiceHandlers } from "./service-handlers.ts";

type DecisionHandlers = ServiceHandlers<typeof DecisionService>;
type Options = BatchOptions & { readonly service: DecisionApi };

export function decisionHandlers(options: Options): DecisionHandlers {
  const { service } = options;
  return {
    ...batchHandlers(options),

    async selectVariant(request, context) {
      return selectVariantResponse(
        await service.selectVariant(parseSelectRequest(request), context),
      );
    },

    async recordOutcome(request, context) {
      return recordOutcomeResponse(await service.recordOutcome(parseOutcome(request), context));
    },

    async recordGeneration(request, context) {
      const { status } = await service.recordGeneration(parseGenerationReport(request), context);
      return {
        $typeName: "bandit.v1.RecordGenerationResponse",
        status: recordStatusToProto[status],
      };
    },

    async getAllocation(request, context) {
      const view = await service.getAllocation(
        {
          agentType: parseAgentType(request.agentType),
          codeType: parseCodeType(request.codeType),
          features: request.features,
        },
        context,
      );
      return { $typeName: "bandit.v1.GetAllocationResponse", allocation: allocationMessage(view) };
    },

    // biome-ignore lint/correctness/useYield: fails before there is anything to send
    async *watchAllocations() {
      throw notImplemented("WatchAllocations");
    },

    async reportDecisions() {
      throw notImplemented("ReportDecisions");
    },
  };
}

function batchHandlers(
  options: Options,
): Pick<DecisionHandlers, "batchSelectVariants" | "batchRecordOutcomes"> {
  const { service } = options;
  const batches = new BatchItems(options);
  return {
    async batchSelectVariants({ requests }, context) {
      const room = new VariantRoom(requests.length);
      const results = await batches.run(
        {
          ...{ rpc: "BatchSelectVariants", requestClass: "select", requests, context },
          schema: SelectVariantRequestSchema,
        },
        async (item) => {
          const request = { ...parseSelectRequest(item), requireRoom: room.forItem() };
          return selectVariantResponse(await service.selectVariant(request, context));
        },
      );
      const $typeName = "bandit.v1.BatchSelectVariantsResult";
      return {
        $typeName: "bandit.v1.BatchSelectVariantsResponse",
        results: results.map((result) => ({ $typeName, result })),
      };
    },

    async batchRecordOutcomes({ requests }, context) {
      const results = await batches.run(
        {
          ...{ rpc: "BatchRecordOutcomes", requestClass: "report", requests, context },
          schema: RecordOutcomeRequestSchema,
        },
        async (item) =>
          recordOutcomeResponse(await service.recordOutcome(parseOutcome(item), context)),
      );
      const $typeName = "bandit.v1.BatchRecordOutcomesResult";
      return {
        $typeName: "bandit.v1.BatchRecordOutcomesResponse",
        results: results.map((result) => ({ $typeName, result })),
      };
    },
  };
}

function notImplemented(rpc: string): BanditError {
  return new BanditError(
    "unimplemented",
    `${rpc} is part of the contract but not served by this version; use SelectVariant`,
    { reason: "RPC_NOT_IMPLEMENTED", metadata: { rpc } },
  );
}
