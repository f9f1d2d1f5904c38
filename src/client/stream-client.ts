import {
  create,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { ClientError, clientErrorFrom } from "./client-error.ts";
import type { Calling, CallOptions } from "./unary-client.ts";

/**
 * One method for every rpc of a service that answers with a stream. The messages are for one `for await`, which
 * throws a {@link ClientError} only; leaving it early cancels the call.
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

/** Builds the methods from the generated descriptor, as `unaryClient` does. Nothing is retried. */
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

async function* callStream<Method extends DescMethod>(
  calling: Calling,
  method: Method,
  request: MessageInitShape<Method["input"]>,
  options: CallOptions,
): AsyncGenerator<MessageShape<Method["output"]>, void, void> {
  if (options.signal?.aborted) {
    throw new ClientError("cancelled", "the call was cancelled before it was made");
  }
  const call = calling.client.makeServerStreamRequest(
    `/${method.parent.typeName}/${method.name}`,
    (message: MessageShape<Method["input"]>) => Buffer.from(toBinary(method.input, message)),
    (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<Method["output"]>,
    create(method.input, request) as MessageShape<Method["input"]>,
    new Metadata(),
    { deadline: calling.nowMs() + (options.deadlineMs ?? calling.deadlineMs) },
  );
  const cancel = (): void => call.cancel();
  options.signal?.addEventListener("abort", cancel, { once: true });
  // Whoever leaves early cancels the call, and nobody is left to be told so.
  call.on("error", () => undefined);
  try {
    for await (const message of call) yield message as MessageShape<Method["output"]>;
  } catch (error) {
    throw clientErrorFrom(error as ServiceError);
  } finally {
    options.signal?.removeEventListener("abort", cancel);
    call.cancel();
  }
}
