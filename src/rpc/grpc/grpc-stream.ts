import { once } from "node:events";
import type { Message } from "@bufbuild/protobuf";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { deadlineExceeded } from "../../concurrency/deadline.ts";
import { withTimeout } from "../../concurrency/in-time.ts";
import { grpcError } from "./grpc-error.ts";

/** A client that reads nothing for so long, on a connection that is alive, loses its stream. */
export const unreadMsMax = 60_000;

/** An answer of many messages that is being written. */
export class GrpcStream {
  readonly #call: ServerWritableStream<Message, Message>;
  readonly #going = new AbortController();
  readonly #unreadMs: number;

  constructor(call: ServerWritableStream<Message, Message>, unreadMs: number = unreadMsMax) {
    this.#call = call;
    this.#unreadMs = unreadMs;
    if (call.cancelled) this.#going.abort();
    else call.once("cancelled", () => this.#going.abort());
  }

  /** Aborted when nobody wants further messages. */
  get signal(): AbortSignal {
    return this.#going.signal;
  }

  /** Ends it with an error, at once. Idempotent; without effect when it has been cancelled. */
  fail(error: unknown): void {
    if (this.signal.aborted) return;
    this.#going.abort();
    this.#call.emit("error", grpcError(error));
  }

  /** Writes as fast as the client reads, and asks the source for no more. Never rejects. */
  async pipe(messages: AsyncIterable<Message>): Promise<void> {
    try {
      for await (const message of messages) {
        if (this.signal.aborted) return;
        if (this.#call.write(message)) continue;
        // Takes its listeners away again, and rejects when the stream is over.
        const drained = once(this.#call, "drain", { signal: this.signal });
        await withTimeout(drained, this.#unreadMs, () =>
          this.fail(deadlineExceeded("the answer was not read in time")),
        );
      }
      if (!this.signal.aborted) this.#call.end();
    } catch (error) {
      this.fail(error);
    }
  }
}
