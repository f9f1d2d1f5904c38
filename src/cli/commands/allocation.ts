import { Command } from "commander";
import { AllocationSchema } from "../../client/index.ts";
import {
  type AnswerOptions,
  addAnswerOptions,
  answer,
  messageJson,
  required,
} from "../command-frame.ts";
import { append, namedNumbers } from "../parse-option.ts";
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
      const features = Object.fromEntries(
        namedNumbers(options.feature ?? [], {
          ...{ option: "--feature", rule: "a name, =, and a number" },
          isOne: Number.isFinite,
        }),
      );
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
