import { setTimeout as sleep } from "node:timers/promises";
import type { CodeType, VariantId } from "../src/domain/ids.ts";
import type { StateStore } from "../src/ports/state-store.ts";
import {
  sampleDecision,
  sampleGeneration,
  sampleOutcome,
} from "../test/support/clickhouse-event-samples.ts";
import {
  contributionInput,
  decisionInput,
  newGenerationId,
} from "../test/support/state-samples.ts";
import { benchCodeTypes } from "./agent-messages.ts";

const variantNames = ["edge-cases-first", "plain", "step-by-step"];
const pauseMs = 2;

/**
 * Writes generations straight into a state store, as the use cases do but without anything before it:
 * decision, report, outcome, each with a row as long as the service's.
 */
export class EventSource {
  /** Events that the store has acknowledged. */
  acknowledged = 0;
  /** Of their rows. */
  bytes = 0;
  readonly #state: StateStore;
  #stopped = false;
  #made = 0;

  constructor(state: StateStore) {
    this.#state = state;
  }

  /** @returns resolves when {@link stop} was called and every write under way has ended */
  async start(options: { inFlight: number; mayWrite: () => boolean }): Promise<void> {
    const writer = async (): Promise<void> => {
      while (!this.#stopped) {
        if (options.mayWrite()) await this.#writeGeneration();
        else await sleep(pauseMs);
      }
    };
    await Promise.all(Array.from({ length: options.inFlight }, writer));
  }

  stop(): void {
    this.#stopped = true;
  }

  async #writeGeneration(): Promise<void> {
    const generationId = newGenerationId();
    this.#made += 1;
    const codeType = benchCodeTypes[this.#made % benchCodeTypes.length] as CodeType;
    const variantId = `evolution/${variantNames[this.#made % 3]}@1` as VariantId;
    const row = { generation_id: generationId, code_type: codeType, variant_id: variantId };
    const decision = decisionInput(generationId);
    const decisionRow = JSON.stringify(sampleDecision(row));
    await this.#state.recordDecision({
      ...decision,
      record: { ...decision.record, codeType, variantId },
      event: { stream: "decisions", row: decisionRow },
    });
    this.#count(decisionRow);
    const generationRow = JSON.stringify(sampleGeneration(row));
    await this.#state.applyContributions(
      contributionInput({
        generationId,
        codeType,
        variantId,
        eventId: "generation",
        contributions: [{ component: "cost", value: 0, weight: 0, penalty: 0.0125 }],
        event: { stream: "generations", row: generationRow },
      }),
    );
    this.#count(generationRow);
    const outcomeRow = JSON.stringify(sampleOutcome({ ...row, outcome_id: generationId }));
    await this.#state.applyContributions(
      contributionInput({
        generationId,
        codeType,
        variantId,
        eventId: `outcome:${generationId}`,
        event: { stream: "outcomes", row: outcomeRow },
      }),
    );
    this.#count(outcomeRow);
  }

  #count(row: string): void {
    this.acknowledged += 1;
    this.bytes += row.length;
  }
}
