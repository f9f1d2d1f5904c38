import { existsSync } from "node:fs";
import type { Command } from "commander";
import { readConfig, type ServiceOptions } from "../app/config.ts";
import type { RunningService } from "../app/open-service.ts";
import { type BanditClient, ClientError, createBanditClient } from "../client/index.ts";
import { BanditError } from "../domain/errors.ts";
import { badInput, CliError, exitCodes } from "./exit-code.ts";
import { interruption } from "./interruption.ts";
import { addressOption } from "./parse-option.ts";
import { withTemporaryDirectory } from "./temporary-directory.ts";
import type { Terminal } from "./terminal.ts";
import { Progress } from "./text/progress.ts";

const defaultAddress = "localhost:50051";
/** How long a service may take to say that it is there, milliseconds. */
const answerMsMax = 3_000;
/** How long a call of a command may take, unless it says otherwise, milliseconds: a refused one is repeated until then. */
const deadlineMs = 10_000;
/** How a service is opened for one command only. */
const inProcess = {
  host: "127.0.0.1",
  grpcPort: 0,
  httpPort: 0,
  seed: false,
  logLevel: "warn",
} as const;

export interface ConnectionOptions {
  readonly address?: string;
  readonly dataDir?: string;
}

/** Adds `--address` and `--data-dir`. */
export function addConnectionOptions(command: Command): Command {
  return command
    .option(
      "--address <host:port>",
      `gRPC address of a running banditd (default: ${defaultAddress})`,
      addressOption,
    )
    .option(
      "--data-dir <directory>",
      "open this data directory instead; no banditd may be using it",
    );
}

/**
 * Runs `use` with a client of the service the options name, and lets go of it afterwards.
 * @throws CliError unreachable when nobody answers there.
 */
export async function withService<Result>(
  options: ConnectionOptions,
  terminal: Terminal,
  use: (client: BanditClient) => Promise<Result>,
): Promise<Result> {
  if (options.address !== undefined && options.dataDir !== undefined) {
    throw badInput("--address and --data-dir exclude each other: a service, or a directory");
  }
  if (options.dataDir === undefined) return withAddress(options.address ?? defaultAddress, use);
  if (!existsSync(options.dataDir)) throw badInput(`there is no directory ${options.dataDir}`);
  return withDataDir(options.dataDir, terminal, use);
}

/** A client of the banditd at an address. */
export async function withAddress<Result>(
  address: string,
  use: (client: BanditClient) => Promise<Result>,
): Promise<Result> {
  const client = createBanditClient({ address, deadlineMs });
  try {
    // What listens there may be anything, also something that never answers: a command is not to wait for it.
    await client.getServiceInfo({}, { deadlineMs: answerMsMax }).catch((error: unknown) => {
      throw isUnanswered(error, ["unavailable", "deadline_exceeded"])
        ? unreachable(address, error)
        : error;
    });
    return await use(client);
  } catch (error) {
    throw isUnanswered(error, ["unavailable"]) ? unreachable(address, error) : error;
  } finally {
    client.close();
  }
}

/** A failure without a reason is the transport's: a service that answers gives one. */
function isUnanswered(error: unknown, codes: readonly ClientError["code"][]): boolean {
  return error instanceof ClientError && codes.includes(error.code) && error.reason === "";
}

function unreachable(address: string, cause: unknown): CliError {
  return new CliError(
    exitCodes.unreachable,
    `no banditd answers at ${address}; start one with \`npm start\`, or pass --address / --data-dir`,
    { cause },
  );
}

/**
 * A client of a service in this process on a data directory, with the engines as configured. A directory
 * that is not there is made, and its catalogue seeded as `banditd serve` would.
 */
export async function withDataDir<Result>(
  dataDir: string,
  terminal: Terminal,
  use: (client: BanditClient) => Promise<Result>,
): Promise<Result> {
  const progress = new Progress(terminal);
  const interrupted = interruption(terminal);
  const { seed, ...asFound } = inProcess;
  const service = await openInProcess({
    ...readConfig({ ...asFound, dataDir, ...(existsSync(dataDir) ? { seed } : {}) }),
    onProgress: (step) => progress.update(() => `opening ${dataDir}: ${step}`),
  });
  progress.clear();
  return useAndStop(service, (client) => Promise.race([use(client), interrupted]));
}

/** A client of a fresh service in this process on embedded engines, all of it gone afterwards. */
export function withTemporaryService<Result>(
  terminal: Terminal,
  onProgress: (step: string) => void,
  use: (client: BanditClient) => Promise<Result>,
): Promise<Result> {
  return withTemporaryDirectory(terminal, async (dataDir, interrupted) => {
    // An empty environment: the temporary service never touches configured engines.
    const service = await openInProcess({
      ...readConfig({ ...inProcess, dataDir }, {}),
      onProgress,
    });
    return useAndStop(service, (client) => Promise.race([use(client), interrupted]));
  });
}

async function openInProcess(options: ServiceOptions): Promise<RunningService> {
  // Loaded only when needed: the engines take most of a second, which `banditd mode` need not wait for.
  const { openService } = await import("../app/open-service.ts");
  try {
    return await openService(options);
  } catch (error) {
    if (error instanceof BanditError && error.reason === "DATA_DIRECTORY_IN_USE") {
      throw new CliError(
        exitCodes.failed,
        `${error.message}. To talk to the banditd that uses it, leave --data-dir out and pass --address`,
        { cause: error },
      );
    }
    throw error;
  }
}

async function useAndStop<Result>(
  service: RunningService,
  use: (client: BanditClient) => Promise<Result>,
): Promise<Result> {
  const client = createBanditClient({ address: service.grpcAddress, deadlineMs });
  try {
    return await use(client);
  } finally {
    client.close();
    await service.stop();
  }
}
