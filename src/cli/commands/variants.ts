import type { JsonObject } from "@bufbuild/protobuf";
import { Command, Option } from "commander";
import {
  type BanditClient,
  type Variant,
  VariantSchema,
  VariantStatus,
  VariantStatusSchema,
} from "../../client/index.ts";
import {
  type AnswerOptions,
  addAnswerOptions,
  answer,
  messageJson,
  required,
} from "../command-frame.ts";
import { badInput } from "../exit-code.ts";
import { parseJson } from "../input/parse-json.ts";
import { readInputFile } from "../input/text-file.ts";
import { listAllVariants } from "../list-variants.ts";
import { numberWithin, wholeNumber } from "../parse-option.ts";
import type { Terminal } from "../terminal.ts";
import { enumLabel } from "../text/enum-label.ts";
import { formatTime } from "../text/format-value.ts";
import { orDash } from "../text/report-text.ts";
import { formatTable, numbers } from "../text/table.ts";

const tokensMax = 2 ** 31 - 1;
const newStatuses = {
  draft: VariantStatus.DRAFT,
  candidate: VariantStatus.CANDIDATE,
  active: VariantStatus.ACTIVE,
} as const;
const statuses = { ...newStatuses, retired: VariantStatus.RETIRED } as const;

interface ChangeOptions extends AnswerOptions {
  readonly dryRun?: true;
}

export function variantsCommand(terminal: Terminal): Command {
  const variants = new Command("variants").description("list, create, promote and retire variants");
  for (const command of [
    listCommand(terminal),
    createCommand(terminal),
    promoteCommand(terminal),
    retireCommand(terminal),
  ]) {
    variants.addCommand(addAnswerOptions(command));
  }
  return variants;
}

function listCommand(terminal: Terminal): Command {
  return new Command("list")
    .description("list variants")
    .option("--agent-type <name>", "only those of this agent type")
    .addOption(
      new Option("--status <status>", "only those with this status").choices(Object.keys(statuses)),
    )
    .action((options: AnswerOptions & { agentType?: string; status?: keyof typeof statuses }) =>
      answer(terminal, options, {
        ask: (client) =>
          listAllVariants(client, {
            statuses: options.status === undefined ? [] : [statuses[options.status]],
            ...(options.agentType === undefined ? {} : { agentType: options.agentType }),
          }),
        json: (variants) => variants.map(messageJson(VariantSchema)),
        text: formatVariants,
      }),
    );
}

interface CreateOptions extends ChangeOptions {
  readonly agentType: string;
  readonly name: string;
  readonly template?: string;
  readonly templateFile?: string;
  readonly description?: string;
  readonly model?: string;
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxTokens?: number;
  readonly parameters?: JsonObject;
  readonly parent?: string;
  readonly status: keyof typeof newStatuses;
}

function createCommand(terminal: Terminal): Command {
  return new Command("create")
    .description("store a new variant, or a new version of one")
    .requiredOption("--agent-type <name>", "agent type it belongs to")
    .requiredOption("--name <name>", "its name; an existing name gets a new version")
    .option("--template <text>", "the prompt template, with {{variable}} places")
    .option("--template-file <file>", "file that holds the prompt template; - is standard input")
    .option("--description <text>", "what is different about it")
    .option("--model <name>", "model as the agent's LLM client knows it (default: the agent's own)")
    .option("--temperature <number>", "sampling temperature, 0 to 2", numberWithin(0, 2))
    .option(
      "--top-p <number>",
      "nucleus sampling, above 0 up to 1",
      numberWithin(Number.MIN_VALUE, 1),
    )
    .option("--max-tokens <count>", "most tokens to generate", wholeNumber(1, tokensMax))
    .option(
      "--parameters <json>",
      "anything else the agent wants to vary, a JSON object",
      jsonObject,
    )
    .option("--parent <variant_id>", "variant it was derived from")
    .addOption(
      new Option(
        "--status <status>",
        "draft: served to nobody; candidate: experiments; active: in use",
      )
        .choices(Object.keys(newStatuses))
        .default("draft"),
    )
    .option("--dry-run", "check it, store nothing")
    .addHelpText(
      "after",
      `
Example:
  banditd variants create --agent-type evolution --name terse --template-file terse.txt --status active`,
    )
    .action(async (options: CreateOptions) => {
      const promptTemplate = await templateFrom(options, terminal);
      await change(terminal, options, "created", (client, validateOnly) =>
        client.createVariant({
          agentType: options.agentType,
          status: newStatuses[options.status],
          validateOnly,
          variant: {
            name: options.name,
            description: options.description ?? "",
            promptTemplate,
            model: options.model ?? "",
            parameters: options.parameters ?? {},
            ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
            ...(options.topP === undefined ? {} : { topP: options.topP }),
            ...(options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens }),
            ...(options.parent === undefined ? {} : { parentId: options.parent }),
          },
        }),
      );
    });
}

function promoteCommand(terminal: Terminal): Command {
  return new Command("promote")
    .description("put a draft or candidate into the bandit's pool")
    .argument("<variant_id>", "e.g. evolution/terse@1")
    .option("--baseline", "make it the baseline too")
    .option("--dry-run", "check it, change nothing")
    .action((variantId: string, options: ChangeOptions & { baseline?: true }) =>
      change(terminal, options, "promoted", (client, validateOnly) =>
        client.promoteVariant({ variantId, makeBaseline: options.baseline ?? false, validateOnly }),
      ),
    );
}

function retireCommand(terminal: Terminal): Command {
  return new Command("retire")
    .description("retire a variant: it is never served again")
    .argument("<variant_id>", "e.g. evolution/terse@1")
    .option("--dry-run", "check it, change nothing")
    .action((variantId: string, options: ChangeOptions) =>
      change(terminal, options, "retired", (client, validateOnly) =>
        client.retireVariant({ variantId, validateOnly }),
      ),
    );
}

/** Changes one variant, or with `--dry-run` has the service check the same call, and prints the variant. */
function change(
  terminal: Terminal,
  options: ChangeOptions,
  done: string,
  call: (client: BanditClient, validateOnly: boolean) => Promise<{ variant?: Variant | undefined }>,
): Promise<void> {
  const { dryRun = false } = options;
  return answer(terminal, options, {
    ask: async (client) => required((await call(client, dryRun)).variant, "the variant"),
    json: messageJson(VariantSchema),
    text: (variant) =>
      `${variant.variantId} ${dryRun ? `would be ${done}` : done} (${statusOf(variant)})\n`,
  });
}

async function templateFrom(options: CreateOptions, terminal: Terminal): Promise<string> {
  const { template, templateFile } = options;
  if ((template === undefined) === (templateFile === undefined)) {
    throw badInput("give either --template or --template-file");
  }
  if (template !== undefined) return template;
  return (await readInputFile(templateFile as string, terminal)).text;
}

function jsonObject(text: string): JsonObject {
  const value = parseJson(text, "--parameters");
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badInput('--parameters: must be a JSON object such as {"samples": 2}');
  }
  return value;
}

function statusOf({ status, isBaseline }: Variant): string {
  const label = enumLabel(VariantStatusSchema, status);
  return isBaseline ? `${label}, baseline` : label;
}

function formatVariants(variants: readonly Variant[]): string {
  return formatTable(
    [
      { title: "variant", widthMax: 44 },
      "status",
      { title: "model", widthMax: 16 },
      ...numbers("temp"),
      "created (UTC)",
    ],
    variants.map((variant) => [
      variant.variantId,
      statusOf(variant),
      variant.model === "" ? "–" : variant.model,
      orDash(variant.temperature, String),
      formatTime(variant.createdAt).slice(0, 16),
    ]),
  );
}
