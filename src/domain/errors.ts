/**
 * Every way a call can fail that is not a bug. The table in `rpc/status.ts` maps each code to one
 * gRPC status and does not compile when a code is missing there.
 */
export type ErrorCode =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "aborted"
  | "resource_exhausted"
  | "deadline_exceeded"
  | "unavailable"
  | "unimplemented"
  | "internal";

/** One field of a request that breaks a rule. `field` is the proto field path, e.g. `outcome.rating.overall`. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

export interface BanditErrorOptions {
  /** Stable machine-readable reason in UPPER_SNAKE_CASE, e.g. `AGENT_TYPE_NOT_FOUND`; goes out as `ErrorInfo.reason`. */
  readonly reason: string;
  readonly violations?: readonly FieldViolation[];
  /** Safe to show to any caller; goes out as `ErrorInfo.metadata`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When set, the same call may succeed after this many milliseconds; goes out as `RetryInfo`. */
  readonly retryAfterMs?: number;
  /** The driver's error. Logged, never sent to a client. */
  readonly cause?: unknown;
}

/** An expected failure. `message` is safe to send to any client; `cause` is for the log only. */
export class BanditError extends Error {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly violations: readonly FieldViolation[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: BanditErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "BanditError";
    this.code = code;
    this.reason = options.reason;
    this.violations = options.violations ?? [];
    this.metadata = options.metadata ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }

  /** True where repeating the identical call may succeed without anybody changing anything. */
  get retryable(): boolean {
    return (
      this.code === "unavailable" || this.code === "aborted" || this.retryAfterMs !== undefined
    );
  }
}

/** Shorthand for the commonest failure: one field of a request breaks one rule. */
export function invalidField(field: string, description: string): BanditError {
  return new BanditError("invalid_argument", `${field}: ${description}`, {
    reason: "INVALID_FIELD",
    violations: [{ field, description }],
  });
}

/** Throws when `condition` is false. For bugs only: a caller's mistake is a {@link BanditError}. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant violated: ${message}`);
}
