import { type DescMessage, type DescService, type Message, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import {
  type SelectVariantResponse,
  SelectVariantResponseSchema,
} from "../../gen/bandit/v1/decision_service_pb.ts";
import { readBinary } from "../messages/read-binary.ts";
import { encodeSelectVariantResponse } from "./select-variant-encoder.ts";

/** A service of the contract as grpc-js wants it, keyed by the generated local names (`selectVariant`). */
export function grpcServiceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      {
        path: `/${service.typeName}/${method.name}`,
        requestStream: method.methodKind === "client_streaming",
        responseStream: method.methodKind === "server_streaming",
        requestSerialize: encoder(method.input),
        requestDeserialize: decoder(method.input),
        responseSerialize: encoder(method.output),
        responseDeserialize: decoder(method.output),
      } satisfies MethodDefinition<Message, Message>,
    ]),
  );
}

function encoder(schema: DescMessage): (message: Message) => Buffer {
  if (schema === SelectVariantResponseSchema) {
    return (message) => encodeSelectVariantResponse(message as SelectVariantResponse);
  }
  return (message) => {
    const bytes = toBinary(schema, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

/** The route refuses an unreadable request as INVALID_ARGUMENT; grpc-js makes INTERNAL of an error thrown here. */
function decoder(schema: DescMessage): (bytes: Buffer) => Message {
  return (bytes) => readBinary(schema, bytes);
}
