import type { HandlerContext } from "@connectrpc/connect";
import { createContextKey } from "@connectrpc/connect";
import type { ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import type { Clock } from "../ports/clock.ts";
import { type CallerContext, callerHeader } from "./request-gate.ts";

type GrpcCall = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

/**
 * Context of a gRPC call. Signal and actor are made when somebody asks: of the calls an agent makes,
 * hardly any needs them, and an AbortController costs as much as the rest of the context.
 */
export class GrpcCallContext implements CallerContext {
  declare readonly deadlineMs?: number;
  readonly #call: GrpcCall;
  #signal: AbortSignal | undefined;
  #actor: string | undefined;

  constructor(call: GrpcCall, options: { rememberActor: boolean; signal?: AbortSignal }) {
    this.#call = call;
    this.#signal = options.signal;
    if (options.rememberActor) this.#actor = peerActor(call);
    const deadlineMs = Number(call.getDeadline());
    if (Number.isFinite(deadlineMs)) this.deadlineMs = deadlineMs;
  }

  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    const controller = new AbortController();
    this.#signal = controller.signal;
    if (this.#call.cancelled) controller.abort();
    else this.#call.once("cancelled", () => controller.abort());
    return this.#signal;
  }

  /** `rpc:unknown` when the call has ended and nobody asked before. */
  get actor(): string {
    this.#actor ??= peerActor(this.#call);
    return this.#actor;
  }

  get peer(): string {
    return peerAddress(this.#call);
  }

  get caller(): string | undefined {
    return this.#call.metadata.get(callerHeader)[0]?.toString();
  }
}

function peerActor(call: GrpcCall): string {
  return `rpc:${peerAddress(call)}`;
}

function peerAddress(call: GrpcCall): string {
  const peer = call.getPeer();
  const portAt = peer.lastIndexOf(":");
  return portAt < 0 ? peer : peer.slice(0, portAt);
}

/** Address of the peer of an HTTP request. */
export const peerAddressKey = createContextKey("unknown", { description: "peer address" });

/** Context of a call over Connect, gRPC-Web or JSON. */
export function connectCallContext(context: HandlerContext, clock: Clock): CallerContext {
  const timeoutMs = context.timeoutMs();
  return {
    ...(timeoutMs === undefined ? {} : { deadlineMs: clock.nowMs() + timeoutMs }),
    signal: context.signal,
    actor: `rpc:${context.values.get(peerAddressKey)}`,
    peer: context.values.get(peerAddressKey),
    caller: context.requestHeader.get(callerHeader) ?? undefined,
  };
}
