import { Command } from "commander";
import { ExplainGenerationResponseSchema } from "../../client/index.ts";
import { type AnswerOptions, addAnswerOptions, answer, messageJson } from "../command-frame.ts";
import type { Terminal } from "../terminal.ts";
import { formatExplanation } from "../text/explanation-text.ts";

/** The service waits for the event to be logged before it says that there is none. */
const deadlineMs = 30_000;

export function explainCommand(terminal: Terminal): Command {
  const command = new Command("explain")
    .description("show why a generation got its variant, and its reports")
    .argument("<generation_id>", "the id that SelectVariant answered with")
    .addHelpText(
      "after",
      `
The decision is derived anew from the logged probabilities; if that gives another variant than the one
served, the command says so and exits with 1.

Example:
  banditd explain 019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b`,
    );
  return addAnswerOptions(command, "the contract's ExplainGenerationResponse").action(
    (generationId: string, options: AnswerOptions) =>
      answer(terminal, options, {
        ask: (client) => client.explainGeneration({ generationId }, { deadlineMs }),
        json: messageJson(ExplainGenerationResponseSchema),
        text: formatExplanation,
        failure: ({ consistent }) =>
          consistent
            ? undefined
            : "the logged probabilities give another variant than the one served",
      }),
  );
}
