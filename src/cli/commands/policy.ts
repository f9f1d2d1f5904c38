import { Command } from "commander";
import { type PolicyRecord, PolicyRecordSchema } from "../../client/index.ts";
import {
  type AnswerOptions,
  addAnswerOptions,
  answer,
  messageJson,
  required,
} from "../command-frame.ts";
import { readJsonFile } from "../input/text-file.ts";
import { policyFromJson } from "../policy-json.ts";
import type { Terminal } from "../terminal.ts";
import { formatPolicyRecord } from "../text/policy-text.ts";

interface CommonOptions extends AnswerOptions {
  readonly codeType?: string;
}

/** Its JSON is what `policy set --file` takes back. @param note what people are told first */
function shownRecord(note: (record: PolicyRecord) => string = () => "") {
  return {
    json: messageJson(PolicyRecordSchema),
    text: (record: PolicyRecord) => `${note(record)}${formatPolicyRecord(record)}`,
  };
}

export function policyCommand(terminal: Terminal): Command {
  const policy = new Command("policy").description(
    "show, set and delete policies: how an agent type learns, and from what",
  );
  for (const command of [showCommand(terminal), setCommand(terminal), deleteCommand(terminal)]) {
    policy.addCommand(command);
  }
  return policy;
}

function showCommand(terminal: Terminal): Command {
  const command = new Command("show")
    .description("show the policy in force")
    .argument("<agent_type>", "e.g. evolution")
    .option("--code-type <name>", "the policy in force for this code type");
  return addAnswerOptions(command, "what policy set --file takes back").action(
    (agentType: string, options: CommonOptions) => {
      const { codeType } = options;
      const isOfAgentType = ({ codeType: own }: PolicyRecord) =>
        codeType !== undefined && own === undefined;
      return answer(terminal, options, {
        ask: async (client) =>
          required(
            (await client.getPolicy({ agentType, ...codeTypeOf(options) })).record,
            "a policy",
          ),
        ...shownRecord((record) =>
          isOfAgentType(record) ? `${codeType} has no policy of its own.\n` : "",
        ),
      });
    },
  );
}

interface SetOptions extends CommonOptions {
  readonly file: string;
  readonly etag?: string;
  readonly validateOnly?: true;
}

function setCommand(terminal: Terminal): Command {
  const command = new Command("set")
    .description("replace a policy")
    .argument("<agent_type>", "e.g. evolution")
    .requiredOption("--file <file>", "the whole new policy, JSON; - is standard input")
    .option("--code-type <name>", "a policy of its own for this code type")
    .option("--etag <etag>", "only if the policy in force still has this etag")
    .option("--validate-only", "check it, change nothing")
    .addHelpText(
      "after",
      `
The file holds a bandit.v1.Policy as proto JSON, or what \`policy show --json\` prints; nothing is kept of the
policy before. Fields that are left out get their defaults.

Example:
  banditd policy show evolution --json > policy.json
  banditd policy set evolution --file policy.json --validate-only`,
    );
  return addAnswerOptions(command).action(async (agentType: string, options: SetOptions) => {
    const { name, content } = await readJsonFile(options.file, terminal);
    const request = {
      agentType,
      ...codeTypeOf(options),
      policy: policyFromJson(content, name),
      validateOnly: options.validateOnly ?? false,
      ...(options.etag === undefined ? {} : { etag: options.etag }),
    };
    await answer(terminal, options, {
      ask: async (client) => required((await client.setPolicy(request)).record, "a policy"),
      ...shownRecord(() => (options.validateOnly ? "Valid; nothing was changed.\n" : "")),
    });
  });
}

function deleteCommand(terminal: Terminal): Command {
  const command = new Command("delete")
    .description("delete the policy of a code type: the agent type's own is in force again")
    .argument("<agent_type>", "e.g. evolution")
    .requiredOption("--code-type <name>", "code type whose policy is deleted");
  return addAnswerOptions(command, "the policy in force afterwards").action(
    (agentType: string, options: AnswerOptions & { codeType: string }) => {
      const { codeType } = options;
      return answer(terminal, options, {
        ask: async (client) => {
          await client.deletePolicy({ agentType, codeType });
          return required((await client.getPolicy({ agentType, codeType })).record, "a policy");
        },
        ...shownRecord(() => `The policy of ${agentType} for ${codeType} is deleted.\n`),
      });
    },
  );
}

function codeTypeOf({ codeType }: CommonOptions): { codeType?: string } {
  return codeType === undefined ? {} : { codeType };
}
