import { Command } from "commander";
import { AllocationSchema } from "../../client/index.ts";
import {
  type AnswerOptions,
  addAnswerOptions,
  answer,
  messageJson,
  required,
} from "../command-frame.ts";
import { badInput } from "../exit-code.ts";
import { append } from "../parse-option.ts";
import type { Terminal } from "../terminal.ts";
import { formatAllocation } from "../text/allocation-text.ts";

interface AllocationOptions extends AnswerOptions {
  readonly feature?: readonly string[];
}

export function allocationCommand(terminal: Terminal): Command {
  const command = new Command("allocation")
    .description("show with what probability each arm is served right now, and why")
    .argument("<agent_type>", "e.g. evolution")
    .argument("<code_type>", "e.g. python_class; one never seen before has the prior's allocation")
    .option(
      "--feature <name=value>",
      "a feature of the input, for linear_thompson; may be given several times",
      append,
    )
    .addHelpText(
      "after",
      `
Example:
  banditd allocation evolution python_class`,
    );
  return addAnswerOptions(command, "the contract's Allocation").action(
    async (agentType: string, codeType: string, options: AllocationOptions) => {
      const features = featuresFrom(options.feature ?? []);
      await answer(terminal, options, {
        ask: async (client) =>
          required(
            (await client.getAllocation({ agentType, codeType, features })).allocation,
            "an allocation",
          ),
        json: messageJson(AllocationSchema),
        text: formatAllocation,
      });
    },
  );
}

function featuresFrom(texts: readonly string[]): Record<string, number> {
  const features = new Map<string, number>();
  for (const text of texts) {
    const at = text.lastIndexOf("=");
    const name = text.slice(0, at);
    const value = text.slice(at + 1);
    if (at < 1 || value.trim() === "" || !Number.isFinite(Number(value))) {
      throw badInput(`--feature ${text}: must be a name, =, and a number`);
    }
    if (features.has(name)) throw badInput(`--feature ${name}: given twice`);
    features.set(name, Number(value));
  }
  return Object.fromEntries(features);
}
