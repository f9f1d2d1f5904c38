import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  DecisionSourceSchema,
  type ExplainGenerationResponse,
  type LoggedContribution,
  ModeSchema,
} from "../../client/index.ts";
import { enumLabel } from "./enum-label.ts";
import { formatNumber, formatTime } from "./format-value.ts";
import { leftOutText } from "./report-text.ts";
import { formatFacts, formatTable, numbers } from "./table.ts";

/** Why a generation got its variant, and its reports. */
export function formatExplanation(explanation: ExplainGenerationResponse): string {
  const { decision, generation, outcomes, reward } = explanation;
  if (decision === undefined) return "nothing is logged about it\n";
  const degraded = decision.degraded ? `yes: ${decision.degradedReason}` : "no";
  const features = Object.entries(decision.features).map(([name, value]) => `${name}=${value}`);
  const parts = [
    formatFacts([
      ["generation", decision.generationId],
      ["decided at", `${formatTime(decision.decidedAt)} UTC`],
      ["agent type", decision.agentType],
      ["code type", decision.codeType],
      ["agent", decision.agentId],
      ["conversation", decision.conversationId],
      ["features", features.join(" ")],
      ["variant", decision.variantId],
      ["source", enumLabel(DecisionSourceSchema, decision.source)],
      ["propensity", formatNumber(decision.propensity)],
      ["mode", enumLabel(ModeSchema, decision.mode)],
      ["allocation", decision.allocationVersion],
      ["experiment", [decision.experimentId, decision.experimentArm].join(" ").trim()],
      ["degraded", degraded],
    ]),
    formatDraw(explanation),
  ];
  if (generation !== undefined) {
    parts.push(
      formatFacts([
        ["run", `${formatTime(generation.recordedAt)} UTC${generation.late ? " (late)" : ""}`],
        ["model", generation.model],
        ["took", generation.duration ? `${durationMs(generation.duration)} ms` : ""],
        ["tokens", tokens(generation.promptTokens, generation.completionTokens)],
        ["cost", generation.costUsd === undefined ? "" : `${formatNumber(generation.costUsd)} USD`],
        ["tests", generation.testsGenerated?.toString() ?? ""],
        ["reward parts", contributions(generation.contributions, generation.learned)],
      ]),
    );
  }
  parts.push(
    outcomes.length === 0
      ? "No outcome has come in.\n"
      : formatTable(
          [
            "occurred at (UTC)",
            "outcome",
            { title: "values", widthMax: Number.POSITIVE_INFINITY },
            { title: "reward parts", widthMax: Number.POSITIVE_INFINITY },
          ],
          outcomes.map((outcome) => [
            formatTime(outcome.occurredAt),
            outcome.late ? `${outcome.source} (late)` : outcome.source,
            Object.entries(outcome.metrics)
              .map(([name, value]) => `${name}=${formatNumber(value)}`)
              .join(" "),
            contributions(outcome.contributions, outcome.learned),
          ]),
        ) + leftOutText(explanation.outcomesLeftOut, "outcome"),
  );
  parts.push(
    reward === undefined
      ? "Nothing has been learned from it.\n"
      : `Reward ${formatNumber(reward.value)} of weight ${formatNumber(reward.weight)}.\n`,
  );
  return parts.join("\n");
}

function formatDraw(explanation: ExplainGenerationResponse): string {
  const served = explanation.decision?.variantId;
  const table = formatTable(
    [{ title: "variant", widthMax: 50 }, ...numbers("probability", "draws below"), ""],
    explanation.arms.map((arm) => [
      arm.variantId,
      formatNumber(arm.probability),
      formatNumber(arm.upper),
      arm.variantId === served ? "served" : "",
    ]),
  );
  const verdict = explanation.consistent
    ? "which gives the variant that was served"
    : `which gives ${explanation.rederivedVariantId}, NOT the variant that was served`;
  return `${table}The id hashes to the draw ${explanation.draw.toFixed(9)}, ${verdict}.\n`;
}

function tokens(prompt: number | undefined, completion: number | undefined): string {
  if (prompt === undefined && completion === undefined) return "";
  return `${prompt ?? "?"} in, ${completion ?? "?"} out`;
}

function contributions(parts: readonly LoggedContribution[], learned: boolean): string {
  if (parts.length === 0) return "";
  const text = parts
    .map((part) =>
      part.weight > 0
        ? `${part.component}: ${formatNumber(part.weight)} × ${formatNumber(part.value)}`
        : `${part.component}: −${formatNumber(part.penalty)}`,
    )
    .join(", ");
  return learned ? text : `${text} (not learned)`;
}
