import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import {
  ConnectError,
  type ConnectRouter,
  createContextKey,
  createContextValues,
} from "@connectrpc/connect";
import {
  createAsyncIterable,
  readAllBytes,
  type UniversalServerRequest,
} from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Logger } from "../../ports/telemetry.ts";
import { peerAddressKey } from "../call-contexts.ts";
import { messageBytesMaxDefault } from "../listening.ts";
import { readBinary } from "../messages/read-binary.ts";
import { readJson } from "../messages/read-json.ts";

/** The request of a unary call over Connect or JSON, read here; undefined: Connect has read it. */
export const readRequestKey = createContextKey<Message | undefined>(undefined, {
  description: "request",
});

const compressions = [compressionGzip, compressionBrotli];
export const routerOptions = {
  readMaxBytes: messageBytesMaxDefault,
  acceptCompression: compressions,
  // Where Connect reads JSON itself, over gRPC-Web, a misspelt field must not pass for an absent one either.
  jsonOptions: { ignoreUnknownFields: false },
};

/**
 * Answers the calls of a router. The request of a unary call over Connect or JSON is read here and not by Connect, whose
 * errors tell neither the field nor a reason, and which gives up a whole batch for one item.
 */
export function connectListener(
  { handlers }: ConnectRouter,
  options: { readonly fallback: RequestListener; readonly logger: Logger },
): RequestListener {
  const byPath = new Map(handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    const handler = byPath.get(path);
    if (handler === undefined) return options.fallback(request, response);
    answer(request, response, handler).catch((error: unknown) => {
      if (request.destroyed || response.destroyed) return;
      options.logger.warn("an answer could not be sent", { path, error });
      response.destroy();
    });
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handler: ConnectRouter["handlers"][number],
): Promise<void> {
  const values = createContextValues().set(
    peerAddressKey,
    request.socket.remoteAddress ?? "unknown",
  );
  const received = universalRequestFromNodeRequest(request, response, undefined, values);
  const startedMs = performance.now();
  const whole = await read(received, handler.method);
  // Connect counts from now on; the caller has counted from the start.
  const timeoutMs = whole.header.get("connect-timeout-ms");
  if (timeoutMs !== null && /^\d+$/.test(timeoutMs)) {
    const leftMs = Math.max(0, Math.ceil(Number(timeoutMs) - (performance.now() - startedMs)));
    whole.header.set("connect-timeout-ms", String(leftMs));
  }
  await universalResponseToNodeResponse(await handler(whole), response);
}

/** The request with its message read and its body empty, or as it is where Connect is to read it. */
async function read(
  request: UniversalServerRequest,
  { methodKind, input }: DescMethod,
): Promise<UniversalServerRequest> {
  const { header, body, contextValues } = request;
  const type = /^application\/(json|proto)\b/i
    .exec(header.get("content-type") ?? "")?.[1]
    ?.toLowerCase();
  const encoding = header.get("content-encoding") ?? "identity";
  const compression = compressions.find(({ name }) => name === encoding);
  const isKnown = encoding === "identity" || compression !== undefined;
  const isOurs =
    methodKind === "unary" && request.method === "POST" && type !== undefined && isKnown;
  if (!isOurs || typeof body !== "object" || body === null || !(Symbol.asyncIterator in body))
    return request;
  let empty: Uint8Array;
  try {
    const sent = await readAllBytes(body, messageBytesMaxDefault, header.get("content-length"));
    const bytes = await (compression?.decompress(sent, messageBytesMaxDefault) ?? sent);
    const message = type === "json" ? readJson(input, bytes) : readBinary(input, bytes);
    contextValues?.set(readRequestKey, message);
    empty = type === "json" ? emptyObject : new Uint8Array();
  } catch (error) {
    // Connect tells the caller, as it does when it reads a body itself.
    return { ...request, body: failing(ConnectError.from(error)) };
  }
  header.delete("content-length");
  header.delete("content-encoding");
  return { ...request, body: createAsyncIterable([empty]) };
}

const emptyObject = new TextEncoder().encode("{}");

// biome-ignore lint/correctness/useYield: it fails before there is anything to give
async function* failing(error: ConnectError): AsyncGenerator<Uint8Array> {
  throw error;
}
