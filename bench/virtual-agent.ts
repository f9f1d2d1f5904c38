import type { AgentMessages, Selected } from "./agent-messages.ts";
import type { GrpcChannel, UnaryCall } from "./grpc-channel.ts";
import type { CallName, LoadFailure } from "./load-protocol.ts";
import type { LoadTally } from "./load-tally.ts";
import { readSelected } from "./selected-reader.ts";

/**
 * One agent at work: selects a variant and, when `wholeGenerations`, reports the generation and then its
 * outcome. One task at a time; `onIdle` is told when the task is over, whether it went well or not.
 */
export class VirtualAgent implements UnaryCall {
  readonly #channel: GrpcChannel;
  readonly #messages: AgentMessages;
  readonly #tally: LoadTally;
  readonly #wholeGenerations: boolean;
  readonly #onIdle: (agent: VirtualAgent) => void;
  #step: CallName = "SelectVariant";
  #sentAtMs = 0;
  #sumMs = 0;
  #codeType = 0;
  #selected: Selected | undefined;

  constructor(options: {
    channel: GrpcChannel;
    messages: AgentMessages;
    tally: LoadTally;
    wholeGenerations: boolean;
    onIdle: (agent: VirtualAgent) => void;
  }) {
    this.#channel = options.channel;
    this.#messages = options.messages;
    this.#tally = options.tally;
    this.#wholeGenerations = options.wholeGenerations;
    this.#onIdle = options.onIdle;
  }

  /** Begins a task. @param dueAtMs the moment (performance.now) that its first latency counts from. */
  begin(dueAtMs: number): void {
    this.#step = "SelectVariant";
    this.#sentAtMs = dueAtMs;
    this.#sumMs = 0;
    this.#codeType = this.#messages.pickCodeType();
    const { methods } = this.#messages;
    this.#channel.start(methods.SelectVariant, this.#messages.select(this.#codeType), this);
  }

  done(status: number, message: Buffer): void {
    const latencyMs = performance.now() - this.#sentAtMs;
    const problem = status === 0 ? this.#take(message) : status;
    if (problem !== undefined) {
      this.#tally.addFailure(this.#step, problem);
      this.#onIdle(this);
      return;
    }
    this.#tally.latenciesMs[this.#step].push(latencyMs);
    this.#sumMs += latencyMs;
    const selected = this.#selected as Selected;
    if (!this.#wholeGenerations) {
      this.#onIdle(this);
    } else if (this.#step === "SelectVariant") {
      const report = this.#messages.recordGeneration(selected.generationId);
      this.#continue("RecordGeneration", report);
    } else if (this.#step === "RecordGeneration") {
      this.#continue("RecordOutcome", this.#messages.recordOutcome(selected, this.#codeType));
    } else {
      this.#tally.sumsMs.push(this.#sumMs);
      this.#onIdle(this);
    }
  }

  #continue(step: CallName, message: Buffer): void {
    this.#step = step;
    this.#sentAtMs = performance.now();
    this.#channel.start(this.#messages.methods[step], message, this);
  }

  /** Every answer to a select is read; undefined when it is as it should be. */
  #take(message: Buffer): LoadFailure["status"] | undefined {
    if (this.#step !== "SelectVariant") return undefined;
    this.#selected = readSelected(message);
    if (this.#selected === undefined) return "unreadable";
    return this.#selected.degraded ? "degraded" : undefined;
  }
}
