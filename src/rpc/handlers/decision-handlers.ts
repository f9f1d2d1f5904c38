import { Turns } from "../../concurrency/lanes.ts";
import { BanditError } from "../../domain/errors.ts";
import { parseAgentType, parseCodeType } from "../../domain/ids.ts";
import {
  type BatchRecordOutcomesResult,
  type BatchSelectVariantsResult,
  type DecisionService,
  type RecordOutcomeRequest,
  RecordOutcomeRequestSchema,
  type RecordOutcomeResponse,
  type SelectVariantRequest,
  SelectVariantRequestSchema,
  type SelectVariantResponse,
} from "../../gen/bandit/v1/decision_service_pb.ts";

import type { CallContext } from "../../service/api/call-context.ts";
import type { DecisionApi } from "../../service/api/decisions.ts";
import { allocationMessage } from "../messages/allocation-messages.ts";
import {
  parseGenerationReport,
  parseOutcome,
  parseSelectRequest,
  recordOutcomeResponse,
  selectVariantResponse,
} from "../messages/decision-messages.ts";
import { recordStatusToProto } from "../messages/enums.ts";
import type { RequestGate } from "../request-gate.ts";
import { validateRequest } from "../request-validator.ts";
import { callError } from "../status.ts";
import type { ServiceHandlers } from "./service-handlers.ts";

/**
 * @param options.toPublicError what may be said about a thrown value; logs what may not.
 */
export function decisionHandlers(options: {
  service: DecisionApi;
  toPublicError: (thrown: unknown, rpc: string) => BanditError;
  gate: Pick<RequestGate, "checkDeadline">;
}): ServiceHandlers<typeof DecisionService> {
  const { service, toPublicError, gate } = options;
  const turns = new Turns();

  async function select(
    request: SelectVariantRequest,
    context: CallContext,
  ): Promise<SelectVariantResponse> {
    return selectVariantResponse(await service.selectVariant(parseSelectRequest(request), context));
  }

  async function record(
    request: RecordOutcomeRequest,
    context: CallContext,
  ): Promise<RecordOutcomeResponse> {
    return recordOutcomeResponse(await service.recordOutcome(parseOutcome(request), context));
  }

  async function selectItem(
    request: SelectVariantRequest,
    context: CallContext,
  ): Promise<BatchSelectVariantsResult> {
    const $typeName = "bandit.v1.BatchSelectVariantsResult";
    try {
      gate.checkDeadline("select", context);
      validateRequest(SelectVariantRequestSchema, request);
      return { $typeName, result: { case: "response", value: await select(request, context) } };
    } catch (thrown) {
      const error = callError(toPublicError(thrown, "BatchSelectVariants"));
      return { $typeName, result: { case: "error", value: error } };
    }
  }

  async function recordItem(
    request: RecordOutcomeRequest,
    context: CallContext,
  ): Promise<BatchRecordOutcomesResult> {
    const $typeName = "bandit.v1.BatchRecordOutcomesResult";
    try {
      gate.checkDeadline("report", context);
      validateRequest(RecordOutcomeRequestSchema, request);
      return { $typeName, result: { case: "response", value: await record(request, context) } };
    } catch (thrown) {
      const error = callError(toPublicError(thrown, "BatchRecordOutcomes"));
      return { $typeName, result: { case: "error", value: error } };
    }
  }

  return {
    selectVariant: select,
    recordOutcome: record,

    async batchSelectVariants(request, context) {
      return {
        $typeName: "bandit.v1.BatchSelectVariantsResponse",
        results: await turns.run(request.requests, (item) => selectItem(item, context)),
      };
    },

    async batchRecordOutcomes(request, context) {
      return {
        $typeName: "bandit.v1.BatchRecordOutcomesResponse",
        results: await turns.run(request.requests, (item) => recordItem(item, context)),
      };
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

function notImplemented(rpc: string): BanditError {
  return new BanditError(
    "unimplemented",
    `${rpc} is part of the contract but not served by this version; use SelectVariant`,
    { reason: "RPC_NOT_IMPLEMENTED", metadata: { rpc } },
  );
}
