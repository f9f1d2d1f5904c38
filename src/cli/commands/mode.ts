import { Argument, Command } from "commander";
import { type GetModeResponse, Mode, ModeSchema } from "../../client/index.ts";
import { type AnswerOptions, addAnswerOptions, answer } from "../command-frame.ts";
import { badInput } from "../exit-code.ts";
import type { Terminal } from "../terminal.ts";
import { enumLabel } from "../text/enum-label.ts";
import { leftOutText } from "../text/report-text.ts";
import { formatTable } from "../text/table.ts";

const modes = { learning: Mode.LEARNING, frozen: Mode.FROZEN, static: Mode.STATIC } as const;

type ModeView = Pick<GetModeResponse, "serviceMode" | "agentTypes" | "agentTypesLeftOut">;

interface ModeOptions extends AnswerOptions {
  readonly agentType?: string;
  readonly reason?: string;
}

export function modeCommand(terminal: Terminal): Command {
  const command = new Command("mode")
    .description("show or set the mode of the service or of one agent type")
    .addArgument(
      new Argument("[mode]", "the new mode; without it the modes are shown").choices(
        Object.keys(modes),
      ),
    )
    .option("--agent-type <name>", "only this agent type; without it the whole service")
    .option("--reason <text>", "why, for the audit log")
    .addHelpText(
      "after",
      `
  learning  allocations follow the outcomes
  frozen    allocations stay as they are; outcomes are stored but not learned from
  static    the kill switch: everybody gets the baseline
The stricter of the service's and the agent type's mode is in force.

Examples:
  banditd mode
  banditd mode static --reason "incident 4711"
  banditd mode frozen --agent-type evolution`,
    );
  return addAnswerOptions(command).action(
    async (name: keyof typeof modes | undefined, options: ModeOptions) => {
      const { agentType, reason } = options;
      if (name === undefined && reason !== undefined) {
        throw badInput("--reason needs a mode to set: learning, frozen or static");
      }
      const label = (mode: number): string => enumLabel(ModeSchema, mode);
      const chosen = ({ agentTypes }: ModeView) =>
        agentTypes.filter((entry) => agentType === undefined || entry.agentType === agentType);
      await answer<ModeView>(terminal, options, {
        ask: (client) =>
          name === undefined
            ? client.getMode({})
            : client.setMode({
                mode: modes[name],
                reason: reason ?? "",
                ...(agentType === undefined ? {} : { agentType }),
              }),
        json: (view) => ({
          service_mode: label(view.serviceMode),
          agent_types: chosen(view).map((entry) => ({
            agent_type: entry.agentType,
            mode: label(entry.mode),
          })),
          agent_types_left_out: view.agentTypesLeftOut,
        }),
        text: (view) =>
          `service: ${label(view.serviceMode)}\n\n${formatTable(
            ["agent type", "mode"],
            chosen(view).map((entry) => [entry.agentType, label(entry.mode)]),
          )}${leftOutText(view.agentTypesLeftOut, "agent type")}`,
      });
    },
  );
}
