import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type BanditClient, createBanditClient } from "../../../src/client/index.ts";
import { makeDirectoryWithData } from "../../support/prepared-data.ts";
import { banditd, type Finished, outputOf, type Served, serve } from "./cli-process.ts";

export interface RunningService {
  readonly directory: string;
  readonly dataDir: string;
  served: Served;
  readonly client: BanditClient;
  /** The option with which a command reaches it. */
  address(): string[];
  /** Writes a file for a command and gives its path. */
  file(name: string, content: unknown): string;
  /** Runs a command on it. */
  run(...args: string[]): Promise<Finished>;
  /** What a command prints that succeeds. */
  output(...args: string[]): Promise<string>;
  /** The same with `--json`. */
  json(...args: string[]): Promise<ReturnType<typeof JSON.parse>>;
  /** A line of /metrics is there. */
  hasMetric(line: string): Promise<boolean>;
}

/**
 * A service on a data directory of its own, from before the first test of a file until after the last.
 * @param environment of it
 */
export function useService(environment: () => NodeJS.ProcessEnv = () => ({})): RunningService {
  const site = {
    address: () => ["--address", site.served.grpcAddress],
    file(name, content) {
      const path = join(site.directory, name);
      writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
      return path;
    },
    run: (...args) => banditd([...args, ...site.address()]),
    output: (...args) => outputOf([...args, ...site.address()]),
    json: async (...args) => JSON.parse(await site.output(...args, "--json")),
    async hasMetric(line) {
      const page = await (await fetch(`${site.served.httpUrl}/metrics`)).text();
      return page.split("\n").includes(line);
    },
  } as RunningService;
  beforeAll(async () => {
    const directory = await makeDirectoryWithData();
    const dataDir = join(directory, "data");
    const served = await serve(["--data-dir", dataDir], { environment: environment() });
    const client = createBanditClient({ address: served.grpcAddress, deadlineMs: 20_000 });
    Object.assign(site, { directory, dataDir, served, client });
  });
  afterAll(async () => {
    site.client?.close();
    await site.served?.stop("SIGKILL");
    rmSync(site.directory, { recursive: true });
  });
  return site;
}
