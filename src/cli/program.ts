import { Command } from "commander";
import { projectVersion } from "../app/project-root.ts";
import { allocationCommand } from "./commands/allocation.ts";
import { compareCommand } from "./commands/compare.ts";
import { deadLettersCommand } from "./commands/dead-letters.ts";
import { explainCommand } from "./commands/explain.ts";
import { exportCommand } from "./commands/export.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { modeCommand } from "./commands/mode.ts";
import { offPolicyCommand } from "./commands/off-policy.ts";
import { policyCommand } from "./commands/policy.ts";
import { powerCommand } from "./commands/power.ts";
import { queryCommand } from "./commands/query.ts";
import { rebuildCommand } from "./commands/rebuild.ts";
import { serveCommand } from "./commands/serve.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { variantsCommand } from "./commands/variants.ts";
import type { Terminal } from "./terminal.ts";

const footer = `
Exit codes:
  0  done
  1  failed
  2  wrong usage, or input that cannot be used
  3  not found
  4  no service answers at the address

Configuration comes from the environment (BANDIT_DATA_DIR, REDIS_URL, …); options win over it.
Results go to standard output, progress and messages to standard error.`;

/** The whole command line. Commander's own exits become a thrown CommanderError. */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command("banditd")
    .description(
      "Multi-armed bandit decision service for LLM agents: decides which prompt variant to use and learns from every outcome.",
    )
    .version(projectVersion, "-V, --version", "print the version")
    .showHelpAfterError("(add --help for what is allowed)")
    .addHelpText("after", footer);
  for (const command of [
    serveCommand(terminal),
    simulateCommand(terminal),
    explainCommand(terminal),
    queryCommand(terminal),
    exportCommand(terminal),
    compareCommand(terminal),
    offPolicyCommand(terminal),
    powerCommand(terminal),
    variantsCommand(terminal),
    allocationCommand(terminal),
    policyCommand(terminal),
    modeCommand(terminal),
    deadLettersCommand(terminal),
    rebuildCommand(terminal),
    migrateCommand(terminal),
  ]) {
    program.addCommand(command);
  }
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
    });
    command.helpOption("-h, --help", "print this help");
  }
  return program;
}

/** A command and everything below it. */
export function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap((child) => allCommands(child))];
}
