import { z } from "zod";
import { BanditError } from "../domain/errors.ts";
import { clickhouseUrlProblem, databaseUrlProblem, redisUrlProblem } from "./server-urls.ts";

const flag = z
  .enum(["0", "1", "true", "false"], { error: "must be 1, 0, true or false" })
  .transform((text) => text === "1" || text === "true");

const portRule = "must be a whole number from 0 to 65535";
const port = z.coerce
  .number({ error: portRule })
  .refine((value) => Number.isInteger(value) && value >= 0 && value <= 65_535, { error: portRule });

const bytesRule = "must be a whole number of bytes from 65536";
const bytes = z.coerce
  .number({ error: bytesRule })
  .refine((value) => Number.isSafeInteger(value) && value >= 65_536, { error: bytesRule });

const url = (problemOf: (text: string) => string | undefined) =>
  z.string().superRefine((text, { addIssue }) => {
    const problem = problemOf(text);
    if (problem !== undefined) addIssue(problem);
  });

/** Every environment variable the service reads, with its meaning. The reference page is made from this. */
const variables = z.object({
  BANDIT_DATA_DIR: z
    .string()
    .min(1)
    .default("./data")
    .describe("Directory of the embedded engines."),
  BANDIT_HOST: z
    .string()
    .min(1)
    .default("127.0.0.1")
    .describe(
      "Address to listen on. There is no authentication yet: open it to a trusted network only.",
    ),
  BANDIT_GRPC_PORT: port.default(50_051).describe("Port of gRPC; 0 takes a free one."),
  BANDIT_HTTP_PORT: port
    .default(8080)
    .describe("Port of Connect, gRPC-Web, JSON, metrics and health; 0 takes a free one."),
  REDIS_URL: z
    .string()
    .optional()
    .describe(
      "State in Redis ≥ 7 instead of SQLite. Several addresses of a cluster are separated by commas.",
    ),
  BANDIT_REDIS_CLUSTER: flag.default(false).describe("REDIS_URL names a Redis Cluster."),
  DATABASE_URL: url(databaseUrlProblem)
    .optional()
    .describe("Catalogue in Postgres ≥ 15 instead of PGlite."),
  CLICKHOUSE_URL: url(clickhouseUrlProblem)
    .optional()
    .describe("Events in a ClickHouse server instead of chDB."),
  BANDIT_SEED: flag.default(true).describe("Fill an empty catalogue with six agent types."),
  BANDIT_AUTO_CREATE_AGENT_TYPES: flag
    .default(false)
    .describe("Create an agent type with its first decision."),
  BANDIT_STORE_CONTENT: flag
    .default(false)
    .describe("Keep generated content in the event log, in the clear."),
  BANDIT_STORE_USER_IDS: flag
    .default(false)
    .describe("Keep user ids in the event log in the clear instead of a keyed hash."),
  BANDIT_USER_HASH_KEY: z
    .string()
    .min(16)
    .optional()
    .describe(
      "Key of the user-id hash, the same on every replica. Without it a key is made and kept in the data directory.",
    ),
  // ClickHouse counts the moment of deletion in 32 bits, which end in 2106: beyond that rows would go at once.
  BANDIT_EVENT_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(365)
    .describe("Days after which events are deleted."),
  BANDIT_DRAIN_INTERVAL_MS: z.coerce
    .number()
    .int()
    .min(10)
    .max(60_000)
    .default(1_000)
    .describe("Longest time an event waits before it is written to the event log, milliseconds."),
  BANDIT_DRAIN_ROWS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(10_000)
    .describe("Rows written to the event log at once."),
  BANDIT_TAKEOVER_AFTER_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(3_600_000)
    .default(60_000)
    .describe(
      "Silence of a process after which another one writes the events of its unfinished batch, milliseconds.",
    ),
  BANDIT_STATE_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(10)
    .max(10_000)
    .default(500)
    .describe(
      "Longest time a call waits for Redis before it goes on without it (degraded), milliseconds.",
    ),
  BANDIT_STATE_FLUSH: z
    .enum(["everysec", "always"], { error: "must be everysec or always" })
    .default("everysec")
    .describe(
      "When the embedded state is flushed to the disk: every second, or always before an answer. A power cut loses unflushed writes.",
    ),
  BANDIT_SPOOL_BYTES_MAX: bytes
    .default(2 ** 30)
    .describe(
      "Disk that the spool may take while Redis is down, bytes; beyond it reports are refused.",
    ),
  BANDIT_OUTBOX_BYTES_MAX: bytes
    .default(2 ** 30)
    .describe("Events that may wait in the state store for the event log, bytes."),
  BANDIT_OUTBOX_FULL: z
    .enum(["refuse", "spill"], { error: "must be refuse or spill" })
    .default("refuse")
    .describe(
      "At that bound: refuse new outcomes and generation reports, or spill the oldest events to this machine's disk.",
    ),
  BANDIT_SPILL_BYTES_MAX: bytes
    .default(8 * 2 ** 30)
    .describe("Disk that spilled events may take, bytes; beyond it new reports are refused."),
  BANDIT_REQUESTS_MAX: z.coerce
    .number()
    .int()
    .min(10)
    .max(100_000)
    .default(640)
    .describe("Calls that may be under way at once; see docs/operating/limits.md."),
  BANDIT_RATE_LIMIT_PER_SECOND: z.coerce
    .number()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe(
      "Calls and batch items that each caller (x-bandit-caller, or its address) may send in a second; 0: no limit.",
    ),
  BANDIT_RATE_LIMIT_BURST: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(100)
    .describe(
      "Calls and batch items that a caller may send at once after a silence; the largest batch of a caller.",
    ),
  BANDIT_LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error", "silent"], {
      error: "must be debug, info, warn, error or silent",
    })
    .default("info")
    .describe("Least severe log line that is written."),
});

// Asked on the side of the other variables, so that one error names every wrong one.
const environmentSchema = variables.superRefine(
  ({ REDIS_URL: redisUrl, BANDIT_REDIS_CLUSTER: isCluster }, { addIssue }) => {
    const problem = redisUrl === undefined ? undefined : redisUrlProblem(redisUrl, isCluster);
    if (problem !== undefined) addIssue({ code: "custom", path: ["REDIS_URL"], message: problem });
  },
  { when: () => true },
);

/** What a service is opened with. Absent URLs mean the embedded engine. */
export interface ServiceOptions {
  readonly dataDir: string;
  readonly host: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly redisUrl?: string;
  readonly redisCluster: boolean;
  readonly databaseUrl?: string;
  readonly clickhouseUrl?: string;
  readonly seed: boolean;
  readonly autoCreateAgentTypes: boolean;
  readonly storeContent: boolean;
  readonly storeUserIds: boolean;
  readonly userHashKey?: string;
  readonly eventRetentionDays: number;
  readonly drainIntervalMs: number;
  readonly drainRowsMax: number;
  readonly takeoverAfterMs: number;
  readonly stateTimeoutMs: number;
  readonly stateFlush: "everysec" | "always";
  readonly spoolBytesMax: number;
  readonly outboxBytesMax: number;
  readonly outboxFull: "refuse" | "spill";
  readonly spillBytesMax: number;
  readonly requestsMax: number;
  /** 0: no limit. */
  readonly rateLimitPerSecond: number;
  readonly rateLimitBurst: number;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  /** Told the steps of the start. */
  readonly onProgress?: (step: string) => void;
}

/**
 * Options from the environment, with `overrides` (the command line) on top.
 * @throws BanditError invalid_argument with one violation for every variable that is wrong.
 */
export function readConfig(
  overrides: Partial<ServiceOptions> = {},
  environment: NodeJS.ProcessEnv = process.env,
): ServiceOptions {
  const parsed = environmentSchema.safeParse(withoutEmpty(environment));
  if (!parsed.success) {
    const violations = parsed.error.issues.map((issue) => ({
      field: issue.path.join("."),
      description: issue.message,
    }));
    throw new BanditError(
      "invalid_argument",
      `configuration: ${violations.map((v) => `${v.field} ${v.description}`).join("; ")}`,
      { reason: "INVALID_CONFIGURATION", violations },
    );
  }
  const values = parsed.data;
  return {
    dataDir: values.BANDIT_DATA_DIR,
    host: values.BANDIT_HOST,
    grpcPort: values.BANDIT_GRPC_PORT,
    httpPort: values.BANDIT_HTTP_PORT,
    redisCluster: values.BANDIT_REDIS_CLUSTER,
    seed: values.BANDIT_SEED,
    autoCreateAgentTypes: values.BANDIT_AUTO_CREATE_AGENT_TYPES,
    storeContent: values.BANDIT_STORE_CONTENT,
    storeUserIds: values.BANDIT_STORE_USER_IDS,
    eventRetentionDays: values.BANDIT_EVENT_RETENTION_DAYS,
    drainIntervalMs: values.BANDIT_DRAIN_INTERVAL_MS,
    drainRowsMax: values.BANDIT_DRAIN_ROWS_MAX,
    takeoverAfterMs: values.BANDIT_TAKEOVER_AFTER_MS,
    stateTimeoutMs: values.BANDIT_STATE_TIMEOUT_MS,
    stateFlush: values.BANDIT_STATE_FLUSH,
    spoolBytesMax: values.BANDIT_SPOOL_BYTES_MAX,
    outboxBytesMax: values.BANDIT_OUTBOX_BYTES_MAX,
    outboxFull: values.BANDIT_OUTBOX_FULL,
    spillBytesMax: values.BANDIT_SPILL_BYTES_MAX,
    requestsMax: values.BANDIT_REQUESTS_MAX,
    rateLimitPerSecond: values.BANDIT_RATE_LIMIT_PER_SECOND,
    rateLimitBurst: values.BANDIT_RATE_LIMIT_BURST,
    logLevel: values.BANDIT_LOG_LEVEL,
    ...(values.REDIS_URL === undefined ? {} : { redisUrl: values.REDIS_URL }),
    ...(values.DATABASE_URL === undefined ? {} : { databaseUrl: values.DATABASE_URL }),
    ...(values.CLICKHOUSE_URL === undefined ? {} : { clickhouseUrl: values.CLICKHOUSE_URL }),
    ...(values.BANDIT_USER_HASH_KEY === undefined
      ? {}
      : { userHashKey: values.BANDIT_USER_HASH_KEY }),
    ...overrides,
  };
}

/** Name, default and meaning of every variable, for the reference page and its test. @testonly */
export function configReference(): { name: string; fallback: string; description: string }[] {
  return Object.entries(variables.shape).map(([name, schema]) => {
    const fallback = schema.safeParse(undefined);
    return {
      name,
      fallback: fallback.success && fallback.data !== undefined ? String(fallback.data) : "",
      description: schema.description ?? "",
    };
  });
}

/** `REDIS_URL=` in an env file means "not set". */
function withoutEmpty(environment: NodeJS.ProcessEnv): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
}
