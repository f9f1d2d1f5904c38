import { requireTimeLeft } from "../../concurrency/deadline.ts";
import type { GenerationReport } from "../../domain/outcome.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { CallContext } from "../api/call-context.ts";
import type { RecordResult } from "../api/decisions.ts";
import type { Booked } from "./report-booking.ts";
import type { ReportIntake } from "./report-intake.ts";

export interface RecordGenerationDependencies {
  readonly intake: ReportIntake;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Store generated content (invariant I6). */
  readonly storeContent: boolean;
}

/** Takes the report of what an agent ran for a generation. @throws BanditError */
export async function recordGeneration(
  { intake, clock, telemetry, storeContent }: RecordGenerationDependencies,
  report: GenerationReport,
  context: CallContext,
): Promise<RecordResult> {
  requireTimeLeft(context, clock);
  const content = storeContent ? report.content : "";
  const generation = { ...report, content, receivedAtMs: clock.nowMs() };
  const booked = await intake.take({ kind: "generation", generation }, context);
  const status = booked === "spooled" ? booked : statusOf(booked);
  telemetry.count("bandit_generations_total", { status });
  return { status };
}

function statusOf({ status, late }: Booked): RecordResult["status"] {
  if (status === "duplicate") return "duplicate";
  return late ? "late" : "recorded";
}
