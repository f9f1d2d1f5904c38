import { type DestinationStream, pino } from "pino";
import type { Logger } from "../../ports/telemetry.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/**
 * Structured log, one JSON object a line, on standard error (standard output belongs to the commands).
 * An `error` field is written with message, stack and every cause.
 */
export function pinoLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const logger = pino(
    {
      level,
      base: { service: "banditd" },
      serializers: { error: pino.stdSerializers.errWithCause },
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
