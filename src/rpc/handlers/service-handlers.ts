import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageShape,
} from "@bufbuild/protobuf";
import type { CallContext } from "../../service/api/call-context.ts";

/** Answers one call whose request has passed the contract's rules. Rejects with BanditError for expected failures. */
export type UnaryHandler<Input extends DescMessage, Output extends DescMessage> = (
  request: MessageShape<Input>,
  context: CallContext,
) => Promise<MessageShape<Output>>;

export type StreamHandler<Input extends DescMessage, Output extends DescMessage> = (
  request: MessageShape<Input>,
  context: CallContext,
) => AsyncIterable<MessageShape<Output>>;

/** One handler per rpc of a service: does not compile when one is missing. */
export type ServiceHandlers<Service extends DescService> = {
  [Name in keyof Service["method"]]: Service["method"][Name] extends DescMethodUnary<
    infer Input,
    infer Output
  >
    ? UnaryHandler<Input, Output>
    : Service["method"][Name] extends DescMethodServerStreaming<infer Input, infer Output>
      ? StreamHandler<Input, Output>
      : never;
};
