import { Command, Option } from "commander";
import { readConfig } from "../../app/config.ts";
import { tuneGarbageCollection } from "../../app/garbage-collection.ts";
import type { RunningService } from "../../app/open-service.ts";
import { stopBudget } from "../../app/stop-budget.ts";
import { exitCodes } from "../exit-code.ts";
import { wholeNumber } from "../parse-option.ts";
import type { Terminal } from "../terminal.ts";
import { Progress } from "../text/progress.ts";

const portMax = 65_535;

interface ServeOptions {
  readonly dataDir?: string;
  readonly host?: string;
  readonly grpcPort?: number;
  readonly httpPort?: number;
  readonly seed: boolean;
  readonly autoCreateAgentTypes?: true;
  readonly logLevel?: "debug" | "info" | "warn" | "error" | "silent";
}

export function serveCommand(terminal: Terminal): Command {
  return new Command("serve")
    .description("serve decisions until told to stop")
    .option(
      "--data-dir <directory>",
      "where the embedded engines keep their data (default: ./data)",
    )
    .option("--host <address>", "address to listen on (default: 127.0.0.1)")
    .option(
      "--grpc-port <port>",
      "port of gRPC; 0 takes a free one (default: 50051)",
      wholeNumber(0, portMax),
    )
    .option(
      "--http-port <port>",
      "port of JSON, Connect, metrics and health; 0 takes a free one (default: 8080)",
      wholeNumber(0, portMax),
    )
    .option("--no-seed", "leave an empty catalogue empty")
    .option("--auto-create-agent-types", "create an agent type with the first decision asked of it")
    .addOption(
      new Option(
        "--log-level <level>",
        "least severe log line that is written (default: info)",
      ).choices(["debug", "info", "warn", "error", "silent"]),
    )
    .addHelpText(
      "after",
      `
Every option has an environment variable (BANDIT_DATA_DIR, BANDIT_GRPC_PORT, …); REDIS_URL, DATABASE_URL
and CLICKHOUSE_URL replace the embedded engines one by one. See docs/operating/configuration.md.

Examples:
  banditd serve
  banditd serve --data-dir /var/lib/banditd --host 0.0.0.0
  REDIS_URL=redis://localhost banditd serve --grpc-port 0 --http-port 0`,
    )
    .action(async (options: ServeOptions) => {
      const stopSignal = terminal.waitForStop().then((signal) => {
        terminal.err(`${signal}: stopping, a second one stops at once\n`);
        // Also when the start has not ended yet, or the stop hangs in a way that nobody has thought of.
        terminal.endWithin(stopBudget.totalMs, exitCodes.failed);
      });
      tuneGarbageCollection();
      const progress = new Progress(terminal);
      const { openService } = await import("../../app/open-service.ts");
      const service = await openService({
        ...readConfig(overridesFrom(options)),
        onProgress: (step) => progress.update(() => `starting: ${step}`),
      });
      progress.clear();
      terminal.out(describeService(service));
      await stopSignal;
      await service.stop();
      // An engine that hung may hold a connection or a thread; every acknowledged event is on a disk.
      terminal.endWithin(stopBudget.exitMs, exitCodes.ok);
    });
}

function overridesFrom(options: ServeOptions): Parameters<typeof readConfig>[0] {
  const { seed, autoCreateAgentTypes, ...rest } = options;
  return {
    ...rest,
    ...(seed ? {} : { seed: false }),
    ...(autoCreateAgentTypes === undefined ? {} : { autoCreateAgentTypes }),
  };
}

/** Where everything is, and a first request to try. */
function describeService(service: RunningService): string {
  const { engines } = service;
  return `banditd is ready after ${(service.startedInMs / 1000).toFixed(1)} s

  gRPC       ${service.grpcAddress}
  HTTP       ${service.httpUrl}  (JSON, Connect, /metrics, /healthz, /readyz)
  data       ${service.dataDir}
  state      ${engines.state}
  catalogue  ${engines.catalogue}
  events     ${engines.events}

Try it:
  curl -H 'content-type: application/json' -d '{"agentType":"evolution","codeType":"python_class"}' \\
    ${service.httpUrl}/bandit.v1.DecisionService/SelectVariant

Stop it with Ctrl-C.
`;
}
