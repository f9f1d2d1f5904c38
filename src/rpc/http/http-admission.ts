import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { toBinary } from "@bufbuild/protobuf";
import type { BanditError } from "../../domain/errors.ts";
import { shortenTimeouts } from "../long-timeouts.ts";
import type { Route } from "../routes.ts";
import { errorDetails } from "../status.ts";

/** What a unary call of Connect comes as; its errors are JSON in both cases. */
const unaryContentTypes = ["application/json", "application/proto"];

/**
 * Refuses a unary call over Connect or JSON before its body is read: 429 with the error that Connect
 * would have made, and `Retry-After`. Other protocols (gRPC-Web, streams) are let through to where the
 * route refuses them, as their errors have other forms.
 */
export function httpAdmission(routes: Iterable<Route>, next: RequestListener): RequestListener {
  const refusals = new Map<string, () => BanditError | undefined>();
  for (const { kind, method, refusal } of routes) {
    if (kind === "unary") refusals.set(`/${method.parent.typeName}/${method.name}`, refusal);
  }
  return (request, response) => {
    shortenTimeouts(request.headers);
    const refusal = request.method === "POST" ? refusals.get(request.url ?? "") : undefined;
    const error = refusal !== undefined && isUnary(request) ? refusal() : undefined;
    if (error === undefined) next(request, response);
    else refuse(response, error);
  };
}

function isUnary({ headers }: IncomingMessage): boolean {
  const contentType = headers["content-type"] ?? "";
  return unaryContentTypes.some((type) => contentType.startsWith(type));
}

/** Errors of the gate are made once, so their text is as well. */
const prepared = new WeakMap<BanditError, string>();

function refuse(response: ServerResponse, error: BanditError): void {
  let body = prepared.get(error);
  if (body === undefined) {
    body = JSON.stringify({
      code: error.code,
      message: error.message,
      details: errorDetails(error).map(({ desc, value }) => ({
        type: desc.typeName,
        value: Buffer.from(toBinary(desc, value)).toString("base64").replaceAll("=", ""),
      })),
    });
    prepared.set(error, body);
  }
  response.writeHead(429, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "retry-after": String(Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000))),
  });
  response.end(body);
}
