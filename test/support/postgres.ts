import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { requireEngine } from "../../scripts/ensure-engines.ts";
import { freePort } from "./free-port.ts";
import { reapWhenOrphaned } from "./reaper.ts";

/** A real Postgres of our own: a free port on loopback, temporary data, no password. */
export interface RunningPostgres {
  /** Of the database `postgres`, as its superuser. Stays the same over {@link restart}. */
  readonly url: string;
  /** Stops it and removes its data. Idempotent. */
  stop(): Promise<void>;
  /** Ends it as a crash would: connections cut, nothing flushed that was not already durable. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
}

const startTimeoutMs = 30_000;

/** `durable` keeps fsync on; the default is fast and safe against everything but a loss of power. */
export async function startPostgres(options: { durable?: boolean } = {}): Promise<RunningPostgres> {
  const { path, directory: programs } = requireEngine("postgres");
  const account = serverAccount();
  // Root's own TMPDIR may be closed to the account that the server runs as.
  const parent = account === undefined ? tmpdir() : "/tmp";
  const directory = mkdtempSync(join(parent, "banditd-postgres-"));
  if (account !== undefined) chownSync(directory, account.uid, account.gid);
  const data = join(directory, "data");
  execFileSync(
    join(programs, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
    { ...account, cwd: directory, stdio: ["ignore", "ignore", "pipe"], timeout: 60_000 },
  );
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const settings = {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: options.durable === true ? "on" : "off",
    max_connections: "200",
    shared_buffers: "32MB",
    log_min_messages: "fatal",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);

  let server: ChildProcess | undefined;
  let forget: () => void = () => undefined;

  const start = async (): Promise<void> => {
    const child = spawn(path, ["-D", data, ...args], {
      ...account,
      cwd: directory,
      stdio: ["ignore", "ignore", "pipe"],
      detached: true, // Ctrl-C reaches the tests only, which then stop it in order
    });
    let log = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4096);
    });
    server = child;
    forget = reapWhenOrphaned({ pid: child.pid as number, signal: "QUIT", directory });
    await waitUntilReady(url, () => {
      if (child.exitCode !== null) throw new Error(`postgres did not start:\n${log}`);
    });
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    await exited;
    forget();
  };

  await start();
  return {
    url,
    stop: async () => {
      await end("SIGINT");
      await rm(directory, { recursive: true, force: true });
    },
    kill: () => end("SIGQUIT"),
    restart: async () => {
      await end("SIGINT");
      await start();
    },
  };
}

/** A database of the test's own. `drop` fails when a connection to it was left open: a leaked pool. */
export async function createDatabase(
  adminUrl: string,
  templateName?: string,
): Promise<{ url: string; name: string; drop(): Promise<void> }> {
  databases += 1;
  const name = `test_${process.pid}_${databases}_${Math.random().toString(36).slice(2, 8)}`;
  const template = templateName === undefined ? "" : ` TEMPLATE "${templateName}"`;
  await execute(adminUrl, `CREATE DATABASE "${name}"${template}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return { url: url.href, name, drop: () => dropDatabase(adminUrl, name) };
}

let databases = 0;

async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  const leaked = await openConnections(adminUrl, name);
  await execute(adminUrl, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  if (leaked > 0) throw new Error(`${leaked} connections to ${name} were left open`);
}

/** Connections to the database that are still there after a moment for closed ones to go away. */
async function openConnections(adminUrl: string, name: string): Promise<number> {
  const sql = `SELECT count(*)::int AS open FROM pg_stat_activity WHERE datname = '${name}'`;
  for (let attempt = 0; ; attempt += 1) {
    const [row] = await execute(adminUrl, sql);
    const open = Number(row?.["open"]);
    if (open === 0 || attempt === 20) return open;
    await sleep(50);
  }
}

async function execute(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function waitUntilReady(url: string, check: () => void): Promise<void> {
  const until = performance.now() + startTimeoutMs;
  for (;;) {
    check();
    try {
      await execute(url, "SELECT 1");
      return;
    } catch (error) {
      if (performance.now() > until) {
        throw new Error(`postgres was not ready within ${startTimeoutMs} ms`, { cause: error });
      }
      await sleep(25);
    }
  }
}

/** Postgres refuses to run as root; then it runs as the account that its package made, else nobody. */
function serverAccount(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const uid = accountNumber("-u", name);
    const gid = accountNumber("-g", name);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error("postgres cannot run as root and there is no account postgres or nobody");
}

function accountNumber(flag: "-u" | "-g", name: string): number | undefined {
  try {
    const answer = execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] });
    return Number(answer.toString().trim());
  } catch {
    return undefined; // no such account
  }
}
