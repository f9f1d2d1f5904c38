import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { requireEngine } from "../../scripts/ensure-engines.ts";
import { freePort } from "./free-port.ts";
import { reapWhenOrphaned } from "./reaper.ts";
import { until } from "./until.ts";

export interface RunningRedis {
  /** `redis://…`; of a cluster, its three nodes separated by commas. */
  readonly url: string;
  /** Of the first node. */
  readonly port: number;
  stop(): Promise<void>;
  /** Sends every node a signal, e.g. SIGSTOP, and waits for its end when the signal ends it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts what {@link kill} ended, on the same port with the same data. */
  restart(): Promise<void>;
}

const clusterNodes = 3;
const startTimeoutMs = 20_000;

/**
 * Starts a real redis-server (or three as a cluster) on free ports with temporary data, append-only
 * file and no eviction. It does not outlive this process.
 */
export async function startRedis(
  options: { cluster?: boolean; extraArgs?: string[] } = {},
): Promise<RunningRedis> {
  const directory = mkdtempSync(join(tmpdir(), "banditd-redis-"));
  const nodes: RedisNode[] = [];
  for (let index = 0; index < (options.cluster === true ? clusterNodes : 1); index += 1) {
    const clusterArgs = options.cluster === true ? ["--cluster-enabled", "yes"] : [];
    const port = await freePort();
    nodes.push(new RedisNode(port, directory, [...clusterArgs, ...(options.extraArgs ?? [])]));
  }
  const ports = nodes.map((node) => node.port);
  await Promise.all(nodes.map((node) => node.start()));
  if (options.cluster === true) await formCluster(ports);
  return {
    url: ports.map((port) => `redis://127.0.0.1:${port}`).join(","),
    port: ports[0] as number,
    kill: async (signal) => void (await Promise.all(nodes.map((node) => node.kill(signal)))),
    restart: async () => void (await Promise.all(nodes.map((node) => node.start()))),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.kill("SIGKILL")));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

class RedisNode {
  readonly port: number;
  readonly #directory: string;
  readonly #extraArgs: readonly string[];
  #child: ChildProcess | undefined;
  #forget: () => void = () => undefined;

  constructor(port: number, directory: string, extraArgs: readonly string[]) {
    this.port = port;
    this.#directory = join(directory, String(port));
    this.#extraArgs = extraArgs;
    mkdirSync(this.#directory);
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const { path } = requireEngine("redis-server");
    const settings = {
      port: String(this.port),
      dir: this.#directory,
      bind: "127.0.0.1",
      save: "",
      appendonly: "yes",
      appendfsync: "everysec",
      "maxmemory-policy": "noeviction",
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn(path, [...args, ...this.#extraArgs], { stdio: "ignore", detached: true });
    this.#child = child;
    const pid = child.pid as number;
    this.#forget = reapWhenOrphaned({ pid, signal: "KILL", directory: this.#directory });
    await until(`redis-server answers on ${this.port}`, startTimeoutMs, () => pings(this.port));
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    if (signal === "SIGSTOP" || signal === "SIGCONT") {
      child.kill(signal);
      return;
    }
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
    this.#forget();
    this.#child = undefined;
  }
}

async function formCluster(ports: readonly number[]): Promise<void> {
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  cli(["--cluster", "create", ...addresses, "--cluster-yes"]);
  const isOk = (port: number) =>
    cli(["-p", String(port), "cluster", "info"]).includes("cluster_state:ok");
  await until("the cluster is formed", startTimeoutMs, () => ports.every(isOk));
}

function cli(args: readonly string[]): string {
  const program = join(dirname(requireEngine("redis-server").path), "redis-cli");
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0)
    throw new Error(`redis-cli ${args.join(" ")}: ${stdout}${stderr}`, { cause: error });
  return stdout;
}

/** True once the server has loaded its data and answers. */
function pings(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.setTimeout(1000, () => socket.destroy());
    socket.once("data", (reply) => {
      resolve(reply.toString().startsWith("+PONG"));
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
  });
}
