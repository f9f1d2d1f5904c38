import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { type PolicyRecord, PolicyRecordSchema } from "../../client/index.ts";
import { readInputFile } from "../input-file.ts";
import { parsePolicyJson } from "../policy-json.ts";
import {
  addConnectionOptions,
  type ConnectionOptions,
  withService,
} from "../service-connection.ts";
import { printJson, type Terminal } from "../terminal.ts";
import { formatPolicyRecord } from "../text/policy-text.ts";

interface CommonOptions extends ConnectionOptions {
  readonly codeType?: string;
  readonly json?: true;
}

export function policyCommand(terminal: Terminal): Command {
  const policy = new Command("policy").description(
    "show, set and delete policies: how an agent type learns, and from what",
  );
  for (const command of [showCommand(terminal), setCommand(terminal), deleteCommand(terminal)]) {
    policy.addCommand(addConnectionOptions(command));
  }
  return policy;
}

function showCommand(terminal: Terminal): Command {
  return new Command("show")
    .description("show the policy in force")
    .argument("<agent_type>", "e.g. evolution")
    .option("--code-type <name>", "the policy in force for this code type")
    .option("--json", "print JSON, which policy set --file takes back")
    .action(async (agentType: string, options: CommonOptions) => {
      const { record } = await withService(options, terminal, (client) =>
        client.getPolicy({ agentType, ...codeTypeOf(options) }),
      );
      const { codeType } = options;
      if (!options.json && codeType !== undefined && record?.codeType === undefined) {
        terminal.out(`${codeType} has no policy of its own.\n`);
      }
      print(terminal, record, options);
    });
}

interface SetOptions extends CommonOptions {
  readonly file: string;
  readonly etag?: string;
  readonly validateOnly?: true;
}

function setCommand(terminal: Terminal): Command {
  return new Command("set")
    .description("replace a policy")
    .argument("<agent_type>", "e.g. evolution")
    .requiredOption("--file <file>", "the whole new policy, JSON; - is standard input")
    .option("--code-type <name>", "a policy of its own for this code type")
    .option("--etag <etag>", "only if the policy in force still has this etag")
    .option("--validate-only", "check it, change nothing")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The file holds a bandit.v1.Policy as proto JSON, or what \`policy show --json\` prints; nothing is kept of the
policy before. Fields that are left out get their defaults.

Example:
  banditd policy show evolution --json > policy.json
  banditd policy set evolution --file policy.json --validate-only`,
    )
    .action(async (agentType: string, options: SetOptions) => {
      const { name, text } = await readInputFile(options.file, terminal);
      const policy = parsePolicyJson(text, name);
      const { record } = await withService(options, terminal, (client) =>
        client.setPolicy({
          agentType,
          ...codeTypeOf(options),
          policy,
          validateOnly: options.validateOnly ?? false,
          ...(options.etag === undefined ? {} : { etag: options.etag }),
        }),
      );
      if (!options.json && options.validateOnly) terminal.out("Valid; nothing was changed.\n");
      print(terminal, record, options);
    });
}

function deleteCommand(terminal: Terminal): Command {
  return new Command("delete")
    .description("delete the policy of a code type: the agent type's own is in force again")
    .argument("<agent_type>", "e.g. evolution")
    .requiredOption("--code-type <name>", "code type whose policy is deleted")
    .option("--json", "print JSON: the policy in force afterwards")
    .action(async (agentType: string, options: CommonOptions & { codeType: string }) => {
      const { codeType } = options;
      const { record } = await withService(options, terminal, async (client) => {
        await client.deletePolicy({ agentType, codeType });
        return client.getPolicy({ agentType, codeType });
      });
      if (!options.json) terminal.out(`The policy of ${agentType} for ${codeType} is deleted.\n`);
      print(terminal, record, options);
    });
}

function codeTypeOf({ codeType }: CommonOptions): { codeType?: string } {
  return codeType === undefined ? {} : { codeType };
}

function print(
  terminal: Terminal,
  record: PolicyRecord | undefined,
  options: { readonly json?: true },
): void {
  if (record === undefined) return;
  if (!options.json) {
    terminal.out(formatPolicyRecord(record));
    return;
  }
  const json = { alwaysEmitImplicit: true, useProtoFieldName: true };
  printJson(terminal, toJson(PolicyRecordSchema, record, json));
}
