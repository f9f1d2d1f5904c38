import { z } from "zod";
import { BanditError } from "../domain/errors.ts";
import { clickhouseUrlProblem, databaseUrlProblem, redisUrlProblem } from "./server-urls.ts";

const flag = z
  .enum(["0", "1", "true", "false"], { error: "must be 1, 0, true or false" })
  .transform((text) => text === "1" || text === "true");

/** In decimal digits: `Number` would take a space for 0, and 0x50 for 80. */
const numeric = (what: string, digits: RegExp) => (min: number, max: number) => {
  const isOne = (text: string) => digits.test(text) && Number(text) >= min && Number(text) <= max;
  const error = `must be a ${what} from ${min} to ${max}`;
  return z.string().refine(isOne, { error }).transform(Number);
};
const whole = numeric("whole number", /^\d+$/);
const decimal = numeric("number", /^\d+(\.\d+)?$/);
const port = whole(0, 65_535);
const bytes = whole(65_536, Number.MAX_SAFE_INTEGER);

const url = (problemOf: (text: string) => string | undefined) =>
  z.string().superRefine((text, { addIssue }) => {
    const problem = problemOf(text);
    if (problem !== undefined) addIssue(problem);
  });

/**
 * The settings of a service with their meanings. Each is read from the environment variable that {@link variableOf} names;
 * the reference page is made from this. Absent URLs mean the embedded engine.
 */
const settings = z.object({
  dataDir: z.string().min(1).default("./data").describe("Directory of the embedded engines."),
  host: z
    .string()
    .min(1)
    .default("127.0.0.1")
    .describe(
      "Address to listen on. There is no authentication yet: open it to a trusted network only.",
    ),
  grpcPort: port.default(50_051).describe("Port of gRPC; 0 takes a free one."),
  httpPort: port
    .default(8080)
    .describe("Port of Connect, gRPC-Web, JSON, metrics and health; 0 takes a free one."),
  redisUrl: z
    .string()
    .exactOptional()
    .describe(
      "State in Redis ≥ 7 instead of SQLite. Several addresses of a cluster are separated by commas.",
    ),
  redisCluster: flag.default(false).describe("REDIS_URL names a Redis Cluster."),
  databaseUrl: url(databaseUrlProblem)
    .exactOptional()
    .describe("Catalogue in Postgres ≥ 15 instead of PGlite."),
  clickhouseUrl: url(clickhouseUrlProblem)
    .exactOptional()
    .describe("Events in a ClickHouse server instead of chDB."),
  seed: flag.default(true).describe("Fill an empty catalogue with six agent types."),
  autoCreateAgentTypes: flag
    .default(false)
    .describe("Create an agent type with its first decision."),
  storeContent: flag
    .default(false)
    .describe("Keep generated content in the event log, in the clear."),
  storeUserIds: flag
    .default(false)
    .describe("Keep user ids in the event log in the clear instead of a keyed hash."),
  userHashKey: z
    .string()
    .min(16)
    .exactOptional()
    .describe(
      "Key of the user-id hash, the same on every replica. Without it a key is made and kept in the data directory.",
    ),
  // ClickHouse counts the moment of deletion in 32 bits, which end in 2106: beyond that rows would go at once.
  eventRetentionDays: whole(1, 10_000)
    .default(365)
    .describe("Days after which events are deleted."),
  drainIntervalMs: whole(10, 60_000)
    .default(1_000)
    .describe("Longest time an event waits before it is written to the event log, milliseconds."),
  drainRowsMax: whole(1, 100_000)
    .default(10_000)
    .describe("Rows written to the event log at once."),
  takeoverAfterMs: whole(1_000, 3_600_000)
    .default(60_000)
    .describe(
      "Silence of a process after which another one writes the events of its unfinished batch, milliseconds.",
    ),
  stateTimeoutMs: whole(10, 10_000)
    .default(500)
    .describe(
      "Longest time a call waits for Redis before it goes on without it (degraded), milliseconds.",
    ),
  stateFlush: z
    .enum(["everysec", "always"], { error: "must be everysec or always" })
    .default("everysec")
    .describe(
      "When the embedded state is flushed to the disk: every second, or always before an answer. A power cut loses unflushed writes.",
    ),
  spoolBytesMax: bytes
    .default(2 ** 30)
    .describe(
      "Disk that the spool may take while Redis is down, bytes; beyond it reports are refused.",
    ),
  outboxBytesMax: bytes
    .default(2 ** 30)
    .describe("Events that may wait in the state store for the event log, bytes."),
  outboxFull: z
    .enum(["refuse", "spill"], { error: "must be refuse or spill" })
    .default("refuse")
    .describe(
      "At that bound: refuse new outcomes and generation reports, or spill the oldest events to this machine's disk.",
    ),
  spillBytesMax: bytes
    .default(8 * 2 ** 30)
    .describe("Disk that spilled events may take, bytes; beyond it new reports are refused."),
  requestsMax: whole(10, 100_000)
    .default(640)
    .describe("Calls that may be under way at once; see docs/operating/limits.md."),
  rateLimitPerSecond: decimal(0, 1_000_000)
    .default(0)
    .describe(
      "Calls and batch items that each caller (x-bandit-caller, or its address) may send in a second; 0: no limit.",
    ),
  rateLimitBurst: whole(1, 1_000_000)
    .default(100)
    .describe(
      "Calls and batch items that a caller may send at once after a silence; the largest batch of a caller.",
    ),
  logLevel: z
    .enum(["debug", "info", "warn", "error", "silent"], {
      error: "must be debug, info, warn, error or silent",
    })
    .default("info")
    .describe("Least severe log line that is written."),
});

// Asked on the side of the other settings, so that one error names every wrong one.
const settingsSchema = settings.superRefine(
  ({ redisUrl, redisCluster }, { addIssue }) => {
    const problem = redisUrl === undefined ? undefined : redisUrlProblem(redisUrl, redisCluster);
    if (problem !== undefined) addIssue({ code: "custom", path: ["redisUrl"], message: problem });
  },
  { when: () => true },
);

/** What a service is opened with. */
export interface ServiceOptions extends Readonly<z.output<typeof settings>> {
  /** Told the steps of the start. */
  readonly onProgress?: (step: string) => void;
}

/** Servers have variables without our prefix, as other programs read them. */
const serverVariables: Readonly<Record<string, string>> = {
  redisUrl: "REDIS_URL",
  databaseUrl: "DATABASE_URL",
  clickhouseUrl: "CLICKHOUSE_URL",
};

/** e.g. `BANDIT_GRPC_PORT` for `grpcPort`. */
function variableOf(setting: string): string {
  const words = setting.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  return serverVariables[setting] ?? `BANDIT_${words}`;
}

/**
 * Options from the environment, with `overrides` (the command line) on top. A variable that is empty, as in a line
 * `REDIS_URL=` of an env file, is not set.
 * @throws BanditError invalid_argument with one violation for every variable that is wrong.
 */
export function readConfig(
  overrides: Partial<ServiceOptions> = {},
  environment: NodeJS.ProcessEnv = process.env,
): ServiceOptions {
  const given = Object.keys(settings.shape)
    .map((setting) => [setting, environment[variableOf(setting)]] as const)
    .filter(([, value]) => value !== undefined && value !== "");
  const parsed = settingsSchema.safeParse(Object.fromEntries(given));
  if (parsed.success) return { ...parsed.data, ...overrides };
  const violations = parsed.error.issues.map(({ path, message }) => ({
    field: variableOf(path.join(".")),
    description: message,
  }));
  throw new BanditError(
    "invalid_argument",
    `configuration: ${violations.map((v) => `${v.field} ${v.description}`).join("; ")}`,
    { reason: "INVALID_CONFIGURATION", violations },
  );
}

/** Name, default and meaning of every variable, for the reference page and its test. @testonly */
export function configReference(): { name: string; fallback: string; description: string }[] {
  return Object.entries(settings.shape).map(([setting, schema]) => {
    const fallback = schema.safeParse(undefined);
    return {
      name: variableOf(setting),
      fallback: fallback.success && fallback.data !== undefined ? String(fallback.data) : "",
      description: schema.description ?? "",
    };
  });
}
