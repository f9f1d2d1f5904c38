import { setTimeout as sleep } from "node:timers/promises";
import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Client, Metadata, type ServiceError } from "@grpc/grpc-js";
import { ClientError, clientErrorFrom } from "./client-error.ts";
import { retryServiceConfig } from "./retry-service-config.ts";

export interface CallOptions {
  /** Milliseconds this call may take, repetitions included. */
  readonly deadlineMs?: number;
  /** Aborting it cancels the call. */
  readonly signal?: AbortSignal;
}

/** What every call needs besides its method and request. */
export interface Calling {
  readonly client: Client;
  readonly deadlineMs: number;
  /** Before an attempt after so many that did not reach the service, milliseconds. */
  readonly backOffMs: (failures: number) => number;
  readonly onRepeat: (error: ClientError) => void;
}

/** Attempts that the service did not answer, or answered without saying when to come back. */
const unansweredMax = 4;
/** A timer takes no more. */
const timerMsMax = 2 ** 31 - 1;

const idempotent = new Set(
  retryServiceConfig.methodConfig[0].name.map((name) =>
    "method" in name ? `/${name.service}/${name.method}` : `/${name.service}`,
  ),
);

/**
 * Whether repeating the call has the effect of making it once, also where the first attempt has done its work and only
 * its answer was lost.
 */
function isIdempotent({ parent, name }: DescMethod): boolean {
  return [`/${parent.typeName}`, `/${parent.typeName}/${name}`].some((key) => idempotent.has(key));
}

/** One call with its deadline, which all of its attempts share. */
export class Call<Method extends DescMethod> {
  readonly #calling: Calling;
  readonly #method: Method;
  readonly #request: MessageShape<Method["input"]>;
  readonly #signal: AbortSignal | undefined;
  readonly #deadlineAtMs: number;
  #unanswered = 0;

  constructor(
    calling: Calling,
    method: Method,
    request: MessageInitShape<Method["input"]>,
    options: CallOptions,
  ) {
    this.#calling = calling;
    this.#method = method;
    this.#request = create(method.input, request) as MessageShape<Method["input"]>;
    this.#signal = options.signal;
    this.#deadlineAtMs = Date.now() + (options.deadlineMs ?? calling.deadlineMs);
  }

  /** One attempt. Rejects with a {@link ClientError} only. */
  unary(): Promise<MessageShape<Method["output"]>> {
    return new Promise((resolve, reject) => {
      this.#requireWanted();
      const cancel = (): void => call.cancel();
      const call = this.#calling.client.makeUnaryRequest(
        ...this.#arguments(),
        (failure, response) => {
          this.#signal?.removeEventListener("abort", cancel);
          if (failure !== null) reject(clientErrorFrom(failure));
          else resolve(response as MessageShape<Method["output"]>);
        },
      );
      this.#signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** One attempt. Throws a {@link ClientError} only; leaving it early cancels it. */
  async *stream(): AsyncGenerator<MessageShape<Method["output"]>, void, void> {
    this.#requireWanted();
    const call = this.#calling.client.makeServerStreamRequest(...this.#arguments());
    const cancel = (): void => call.cancel();
    this.#signal?.addEventListener("abort", cancel, { once: true });
    // After a caller has left early nobody waits for the error that cancelling makes.
    call.on("error", () => undefined);
    try {
      for await (const message of call) yield message as MessageShape<Method["output"]>;
    } catch (error) {
      throw clientErrorFrom(error as ServiceError);
    } finally {
      this.#signal?.removeEventListener("abort", cancel);
      call.cancel();
    }
  }

  /** Waits until the call may be made again after this failure. @throws the failure, where it may not, or not in time */
  async pauseAfter(failure: unknown): Promise<void> {
    const pauseMs = failure instanceof ClientError ? this.#pauseMs(failure) : undefined;
    if (pauseMs === undefined || Date.now() + pauseMs >= this.#deadlineAtMs) throw failure;
    this.#calling.onRepeat(failure as ClientError);
    const options = this.#signal === undefined ? {} : { signal: this.#signal };
    await sleep(Math.min(pauseMs, timerMsMax), undefined, options).catch(() => undefined);
  }

  #pauseMs({ code, retryAfterMs }: ClientError): number | undefined {
    // Nothing was done for a call that was refused at a bound, so whatever it is may be made again.
    if (code === "resource_exhausted") return retryAfterMs;
    if (code !== "unavailable" || !isIdempotent(this.#method)) return undefined;
    if (retryAfterMs !== undefined) return retryAfterMs;
    this.#unanswered += 1;
    return this.#unanswered < unansweredMax ? this.#calling.backOffMs(this.#unanswered) : undefined;
  }

  #requireWanted(): void {
    if (this.#signal?.aborted) {
      throw new ClientError("cancelled", "the call was cancelled before it was made");
    }
  }

  #arguments() {
    const { input, output, parent, name } = this.#method;
    return [
      `/${parent.typeName}/${name}`,
      (message: MessageShape<Method["input"]>) => Buffer.from(toBinary(input, message)),
      (bytes: Buffer) => fromBinary(output, bytes) as MessageShape<Method["output"]>,
      this.#request,
      new Metadata(),
      { deadline: this.#deadlineAtMs },
    ] as const;
  }
}
