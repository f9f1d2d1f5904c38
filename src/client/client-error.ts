import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ServiceError, status } from "@grpc/grpc-js";
import type { FieldViolation } from "../domain/errors.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";

const detailsKey = "grpc-status-details-bin";

/** Name of a gRPC status in lower case, e.g. `not_found`. */
export type StatusName = Lowercase<Exclude<keyof typeof status, "OK">>;

export interface ClientErrorOptions {
  /** Stable machine-readable reason, e.g. `AGENT_TYPE_NOT_FOUND`; empty when the service gave none. */
  readonly reason?: string;
  readonly violations?: readonly FieldViolation[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** When set, the same call may succeed after this many milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A call that failed: what the service said, or that it could not be reached (`unavailable` without a reason). */
export class ClientError extends Error {
  readonly code: StatusName;
  readonly reason: string;
  /** The fields of the request that break a rule. */
  readonly violations: readonly FieldViolation[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(code: StatusName, message: string, options: ClientErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ClientError";
    this.code = code;
    this.reason = options.reason ?? "";
    this.violations = options.violations ?? [];
    this.metadata = options.metadata ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Reads the `google.rpc.Status` details out of a gRPC failure. Details of unknown types are left out. */
export function clientErrorFrom(failure: ServiceError): ClientError {
  const code = (status[failure.code] ?? "UNKNOWN").toLowerCase() as StatusName;
  const [bytes] = failure.metadata?.get(detailsKey) ?? [];
  const details = Buffer.isBuffer(bytes) ? fromBinary(StatusSchema, bytes).details : [];
  let reason = "";
  let metadata: Readonly<Record<string, string>> = {};
  let retryAfterMs: number | undefined;
  const violations: FieldViolation[] = [];
  for (const detail of details) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info !== undefined) {
      reason = info.reason;
      metadata = info.metadata;
    }
    for (const violation of anyUnpack(detail, BadRequestSchema)?.fieldViolations ?? []) {
      violations.push({ field: violation.field, description: violation.description });
    }
    const delay = anyUnpack(detail, RetryInfoSchema)?.retryDelay;
    if (delay !== undefined) retryAfterMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
  }
  return new ClientError(code, failure.details, {
    reason,
    violations,
    metadata,
    cause: failure,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
