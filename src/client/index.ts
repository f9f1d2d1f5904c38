// What a program that uses the service imports: the client, its errors, and the messages and enums that it reads or
// makes. The types of all other messages follow from the client's methods.
export {
  type Allocation,
  type AllocationArm,
  AllocationSchema,
  type RewardChange,
} from "../gen/bandit/v1/allocation_pb.ts";
export type { CallError } from "../gen/bandit/v1/call_error_pb.ts";
export type { GetModeResponse } from "../gen/bandit/v1/catalog_service_pb.ts";
export type { DeadLetter } from "../gen/bandit/v1/dead_letter_service_pb.ts";
export {
  DecisionSource,
  DecisionSourceSchema,
  type RecordGenerationRequest,
  RecordGenerationStatus,
  type RecordOutcomeRequest,
  type RecordOutcomeResponse,
  type SelectVariantRequest,
  type SelectVariantResponse,
} from "../gen/bandit/v1/decision_service_pb.ts";
export {
  type ExplainGenerationResponse,
  ExplainGenerationResponseSchema,
  type GetServiceInfoResponse,
  type LoggedContribution,
  type QueryResponse,
  QueryResponseSchema,
} from "../gen/bandit/v1/insight_service_pb.ts";
export { OutcomeStatus, OutcomeStatusSchema, UserActionKind } from "../gen/bandit/v1/outcome_pb.ts";
export {
  type Algorithm,
  AlgorithmSchema,
  type LinearFeature,
  Mode,
  ModeSchema,
  type Policy,
  type PolicyRecord,
  PolicyRecordSchema,
  PolicySchema,
  type RewardSpec,
} from "../gen/bandit/v1/policy_pb.ts";
export {
  type PosteriorDifference,
  PosteriorDifferenceSchema,
  type RebuildProgress,
  type RebuildSummary,
  RebuildSummarySchema,
} from "../gen/bandit/v1/repair_service_pb.ts";
export {
  type ServedVariant,
  type Variant,
  VariantSchema,
  VariantStatus,
  VariantStatusSchema,
} from "../gen/bandit/v1/variant_pb.ts";
export {
  type BanditClient,
  type BanditClientOptions,
  createBanditClient,
} from "./bandit-client.ts";
export type { CallOptions } from "./call.ts";
export { ClientError, type StatusName } from "./client-error.ts";
export type { IdSource } from "./id-source.ts";
export { retryServiceConfig } from "./retry-service-config.ts";
