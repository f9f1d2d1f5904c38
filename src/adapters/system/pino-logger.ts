import { type DestinationStream, pino } from "pino";
import { withoutCredentials } from "../../domain/without-credentials.ts";
import type { Logger } from "../../ports/telemetry.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/**
 * Structured log, one JSON object a line, on standard error (standard output belongs to the commands).
 * An `error` field is written with message, code, reason, stack and every cause, and nothing else: drivers hang
 * commands, connection settings and requests on their errors, with passwords in them.
 */
export function pinoLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const logger = pino(
    {
      level,
      base: { service: "banditd" },
      serializers: { error: loggableError },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}

/** Causes below causes and errors of an AggregateError that are written. */
const depthMax = 8;
const errorsMax = 20;

function loggableError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return withoutCredentials(String(error));
  const { code, reason } = error as { code?: unknown; reason?: unknown };
  const inner = (nested: unknown): unknown => loggableError(nested, depth + 1);
  const isDeep = depth >= depthMax;
  return {
    type: error.constructor.name,
    message: withoutCredentials(error.message),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(typeof reason === "string" ? { reason: withoutCredentials(reason) } : {}),
    stack: withoutCredentials(error.stack ?? ""),
    ...(error instanceof AggregateError && !isDeep
      ? { errors: error.errors.slice(0, errorsMax).map(inner) }
      : {}),
    ...(error.cause === undefined || isDeep ? {} : { cause: inner(error.cause) }),
  };
}
