import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Call, type Calling, type CallOptions } from "./call.ts";

/**
 * One method for every rpc of a service that answers with a stream. The messages are for one `for await`, which
 * throws a `ClientError` only; leaving it early cancels the call.
 */
export type StreamClient<Service extends DescService> = {
  readonly [Name in keyof Service["method"] as Service["method"][Name] extends {
    methodKind: "server_streaming";
  }
    ? Name
    : never]: (
    request: MessageInitShape<Service["method"][Name]["input"]>,
    options?: CallOptions,
  ) => AsyncIterable<MessageShape<Service["method"][Name]["output"]>>;
};

/** Builds the methods from the generated descriptor, as `unaryClient` does. */
export function streamClient<Service extends DescService>(
  service: Service,
  calling: Calling,
): StreamClient<Service> {
  const methods = service.methods
    .filter((method) => method.methodKind === "server_streaming")
    .map((method) => [
      method.localName,
      (request: MessageInitShape<typeof method.input>, options: CallOptions = {}) =>
        callStream(calling, method, request, options),
    ]);
  return Object.fromEntries(methods) as StreamClient<Service>;
}

/** Repeated only as long as nothing was answered: a stream that has begun is not begun again. */
async function* callStream<Method extends DescMethod>(
  calling: Calling,
  method: Method,
  request: MessageInitShape<Method["input"]>,
  options: CallOptions,
): AsyncGenerator<MessageShape<Method["output"]>, void, void> {
  const call = new Call(calling, method, request, options);
  for (let begun = false; ; ) {
    try {
      for await (const message of call.stream()) {
        begun = true;
        yield message;
      }
      return;
    } catch (error) {
      if (begun) throw error;
      await call.pauseAfter(error);
    }
  }
}
