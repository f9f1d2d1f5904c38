import type { DescMethod, Message } from "@bufbuild/protobuf";
import { CatalogService } from "../gen/bandit/v1/catalog_service_pb.ts";
import {
  type BatchRecordOutcomesRequest,
  type BatchSelectVariantsRequest,
  DecisionService,
  type ReportDecisionsRequest,
} from "../gen/bandit/v1/decision_service_pb.ts";
import { InsightService } from "../gen/bandit/v1/insight_service_pb.ts";
import type { RequestClass } from "../service/admission/admission.ts";

const { method } = DecisionService;

const classes = new Map<DescMethod, RequestClass>([
  [method.selectVariant, "select"],
  [method.batchSelectVariants, "select"],
  [method.recordGeneration, "report"],
  [method.recordOutcome, "report"],
  [method.batchRecordOutcomes, "report"],
  [method.reportDecisions, "report"],
  // What `banditd mode` calls.
  [CatalogService.method.getMode, "switch"],
  [CatalogService.method.setMode, "switch"],
  [InsightService.method.getServiceInfo, "switch"],
]);

const itemCounts = new Map<DescMethod, (request: Message) => number>([
  [
    method.batchSelectVariants,
    (request) => (request as BatchSelectVariantsRequest).requests.length,
  ],
  [
    method.batchRecordOutcomes,
    (request) => (request as BatchRecordOutcomesRequest).requests.length,
  ],
  [method.reportDecisions, (request) => (request as ReportDecisionsRequest).decisions.length],
]);

/** Control unless it is a decision, a report, or part of the kill switch. */
export function requestClassOf(rpc: DescMethod): RequestClass {
  return classes.get(rpc) ?? "control";
}

/** Items of a batch, at least 1; 1 for every other request. */
export function itemsOf(rpc: DescMethod): (request: Message) => number {
  const count = itemCounts.get(rpc);
  return count === undefined ? () => 1 : (request) => Math.max(1, count(request));
}
