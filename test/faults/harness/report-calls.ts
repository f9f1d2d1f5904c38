import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type BanditClient,
  OutcomeStatus,
  RecordGenerationStatus,
} from "../../../src/client/index.ts";
import type { PlannedReport } from "./task-plan.ts";

/** What an answer says besides that something is kept. */
export interface Answer {
  readonly degraded: boolean;
  readonly duplicate: boolean;
  readonly unrecorded: boolean;
  readonly reason: string;
}

/** Reports what was run. @throws ClientError */
export async function sendGeneration(
  client: BanditClient,
  generationId: string,
  { report }: PlannedReport & { kind: "generation" },
): Promise<Answer> {
  const { status } = await client.recordGeneration({
    generationId,
    model: "example-model",
    costUsd: report.costUsd,
    duration: {
      seconds: BigInt(Math.floor(report.durationMs / 1000)),
      nanos: (report.durationMs % 1000) * 1_000_000,
    },
  });
  return {
    degraded: status === RecordGenerationStatus.SPOOLED,
    duplicate: status === RecordGenerationStatus.DUPLICATE,
    unrecorded: false,
    reason: "",
  };
}

/** Reports one outcome under its id. @throws ClientError */
export async function sendOutcome(
  client: BanditClient,
  generationId: string,
  { outcomeId, outcome: { occurredAtMs }, sent }: PlannedReport & { kind: "outcome" },
): Promise<Answer> {
  const occurredAt = timestampFromMs(occurredAtMs);
  const request = { generationId, outcomeId, occurredAt, outcome: sent };
  const { status } = await client.recordOutcome(request);
  return {
    degraded: status === OutcomeStatus.SPOOLED,
    duplicate: status === OutcomeStatus.DUPLICATE,
    unrecorded: false,
    reason: "",
  };
}
