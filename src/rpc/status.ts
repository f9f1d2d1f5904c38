import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import { BanditError, type ErrorCode } from "../domain/errors.ts";
import { type CallError, CallErrorSchema } from "../gen/bandit/v1/call_error_pb.ts";
import { Code } from "../gen/google/rpc/code_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.ts";
import { type Status, StatusSchema } from "../gen/google/rpc/status_pb.ts";

/** `ErrorInfo.domain` of every error this service makes. */
const errorDomain = "banditd";

/** The only place where a code of ours meets a gRPC status. Does not compile when a code is missing. */
const statusCodes: Record<ErrorCode, Code> = {
  invalid_argument: Code.INVALID_ARGUMENT,
  not_found: Code.NOT_FOUND,
  already_exists: Code.ALREADY_EXISTS,
  failed_precondition: Code.FAILED_PRECONDITION,
  aborted: Code.ABORTED,
  resource_exhausted: Code.RESOURCE_EXHAUSTED,
  deadline_exceeded: Code.DEADLINE_EXCEEDED,
  unavailable: Code.UNAVAILABLE,
  unimplemented: Code.UNIMPLEMENTED,
  internal: Code.INTERNAL,
};

/** For the test that holds docs/reference/errors.md to the table. @testonly */
export const errorCodes = Object.keys(statusCodes) as readonly ErrorCode[];

const codeNames = new Map<number, string>(Object.entries(Code).map(([name, code]) => [code, name]));

/** `OK`, `INVALID_ARGUMENT`, …: the value of the label `code`. */
export function statusName(code: number): string {
  return codeNames.get(code) ?? "UNKNOWN";
}

export function statusCode(code: ErrorCode): Code {
  return statusCodes[code];
}

/**
 * What may be said to a client about any thrown value. Whatever is not a {@link BanditError} is a bug
 * and becomes `internal` without a word about its cause.
 */
export function publicError(thrown: unknown): BanditError {
  if (thrown instanceof BanditError) return thrown;
  return new BanditError("internal", "internal error", { reason: "INTERNAL", cause: thrown });
}

/** One error detail, still typed: gRPC packs it into an Any, Connect takes it as it is. */
export interface ErrorDetail<Desc extends DescMessage = DescMessage> {
  readonly desc: Desc;
  readonly value: MessageShape<Desc>;
}

/** ErrorInfo always, BadRequest when fields break rules, RetryInfo when waiting helps. */
export function errorDetails(error: BanditError): ErrorDetail[] {
  const details: ErrorDetail[] = [
    {
      desc: ErrorInfoSchema,
      value: create(ErrorInfoSchema, {
        reason: error.reason,
        domain: errorDomain,
        metadata: { ...error.metadata },
      }),
    },
  ];
  if (error.violations.length > 0) {
    details.push({
      desc: BadRequestSchema,
      value: create(BadRequestSchema, {
        fieldViolations: error.violations.map(({ field, description }) => ({ field, description })),
      }),
    });
  }
  if (error.retryAfterMs !== undefined) {
    details.push({
      desc: RetryInfoSchema,
      value: create(RetryInfoSchema, { retryDelay: durationFromMs(error.retryAfterMs) }),
    });
  }
  return details;
}

/** What goes into the trailer `grpc-status-details-bin`. */
export function rpcStatus(error: BanditError): Status {
  return create(StatusSchema, {
    code: statusCode(error.code),
    message: error.message,
    details: errorDetails(error).map(({ desc, value }) => anyPack(desc, value)),
  });
}

/** The same for one item of a batch. */
export function callError(error: BanditError): CallError {
  return create(CallErrorSchema, {
    code: statusCode(error.code),
    reason: error.reason,
    message: error.message,
    fieldViolations: error.violations.map(({ field, description }) => ({ field, description })),
    metadata: { ...error.metadata },
    ...(error.retryAfterMs === undefined ? {} : { retryDelay: durationFromMs(error.retryAfterMs) }),
  });
}
