import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Call, type Calling, type CallOptions } from "./call.ts";

/** One promise method for every unary rpc of a service. Each rejects with a `ClientError` only. */
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

async function callUnary<Method extends DescMethod>(
  calling: Calling,
  method: Method,
  request: MessageInitShape<Method["input"]>,
  options: CallOptions,
): Promise<MessageShape<Method["output"]>> {
  const call = new Call(calling, method, request, options);
  for (;;) {
    try {
      return await call.unary();
    } catch (error) {
      await call.pauseAfter(error);
    }
  }
}
