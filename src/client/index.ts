// What a program that uses the service imports: the client, its errors, and the contract's types and enums.
export * from "../gen/bandit/v1/allocation_pb.ts";
export * from "../gen/bandit/v1/call_error_pb.ts";
export * from "../gen/bandit/v1/catalog_service_pb.ts";
export * from "../gen/bandit/v1/dead_letter_service_pb.ts";
export * from "../gen/bandit/v1/decision_service_pb.ts";
export * from "../gen/bandit/v1/insight_service_pb.ts";
export * from "../gen/bandit/v1/outcome_pb.ts";
export * from "../gen/bandit/v1/policy_pb.ts";
export * from "../gen/bandit/v1/repair_service_pb.ts";
export * from "../gen/bandit/v1/variant_pb.ts";
export {
  type BanditClient,
  type BanditClientOptions,
  createBanditClient,
} from "./bandit-client.ts";
export { ClientError, type StatusName } from "./client-error.ts";
export type { IdSource } from "./id-source.ts";
export { retryServiceConfig } from "./retry-service-config.ts";
export type { CallOptions } from "./unary-client.ts";
