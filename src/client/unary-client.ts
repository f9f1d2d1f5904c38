import {
  create,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Client, Metadata } from "@grpc/grpc-js";
import { ClientError, clientErrorFrom } from "./client-error.ts";

export interface CallOptions {
  /** Milliseconds this call may take, retries included. */
  readonly deadlineMs?: number;
  /** Aborting it cancels the call. */
  readonly signal?: AbortSignal;
}

/** One promise method for every unary rpc of a service. Each rejects with a {@link ClientError} only. */
export type UnaryClient<Service extends DescService> = {
  readonly [Name in keyof Service["method"] as Service["method"][Name] extends {
    methodKind: "unary";
  }
    ? Name
    : never]: (
    request: MessageInitShape<Service["method"][Name]["input"]>,
    options?: CallOptions,
  ) => Promise<MessageShape<Service["method"][Name]["output"]>>;
};

/** What every call needs besides its method and request. */
export interface Calling {
  readonly client: Client;
  readonly deadlineMs: number;
  nowMs(): number;
}

/** Builds the methods from the generated descriptor, so that a new rpc needs no line here. */
export function unaryClient<Service extends DescService>(
  service: Service,
  calling: Calling,
): UnaryClient<Service> {
  const methods = service.methods
    .filter((method) => method.methodKind === "unary")
    .map((method) => [
      method.localName,
      (request: MessageInitShape<typeof method.input>, options: CallOptions = {}) =>
        callUnary(calling, method, request, options),
    ]);
  return Object.fromEntries(methods) as UnaryClient<Service>;
}

function callUnary<Method extends DescMethod>(
  calling: Calling,
  method: Method,
  request: MessageInitShape<Method["input"]>,
  options: CallOptions,
): Promise<MessageShape<Method["output"]>> {
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) {
      reject(new ClientError("cancelled", "the call was cancelled before it was made"));
      return;
    }
    const cancel = (): void => call.cancel();
    const call = calling.client.makeUnaryRequest(
      `/${method.parent.typeName}/${method.name}`,
      (message: MessageShape<Method["input"]>) => Buffer.from(toBinary(method.input, message)),
      (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<Method["output"]>,
      create(method.input, request) as MessageShape<Method["input"]>,
      new Metadata(),
      { deadline: calling.nowMs() + (options.deadlineMs ?? calling.deadlineMs) },
      (failure, response) => {
        options.signal?.removeEventListener("abort", cancel);
        if (failure !== null) reject(clientErrorFrom(failure));
        else resolve(response as MessageShape<Method["output"]>);
      },
    );
    options.signal?.addEventListener("abort", cancel, { once: true });
  });
}
