import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { makeDirectoryWithData } from "../../support/prepared-data.ts";
import { type Served, serve } from "./cli-process.ts";

export interface RunningService {
  directory: string;
  served: Served;
  /** The option with which a command reaches it. */
  address(): string[];
  /** Writes a file for a command and gives its path. */
  file(name: string, content: unknown): string;
}

/** A service on a data directory of its own, from before the first test of a file until after the last. */
export function useService(): RunningService {
  const site: RunningService = {
    directory: "",
    served: undefined as unknown as Served,
    address: () => ["--address", site.served.grpcAddress],
    file(name, content) {
      const path = join(site.directory, name);
      writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
      return path;
    },
  };
  beforeAll(async () => {
    site.directory = await makeDirectoryWithData();
    site.served = await serve(["--data-dir", join(site.directory, "data")]);
  });
  afterAll(async () => {
    await site.served?.stop("SIGKILL");
    rmSync(site.directory, { recursive: true });
  });
  return site;
}
