import net from "node:net";
import {
  FrameReader,
  type FrameSink,
  flag,
  frame,
  frameHeaderBytes,
  frameType,
  writeFrameHeader,
} from "./http2-frames.ts";

/**
 * A gRPC client for unary calls that does nothing but put bytes on a socket and take them off again:
 * one TCP connection, HTTP/2 frames written by hand, headers that never change encoded once. It exists
 * because a load generator on the same two cores as the service must cost a small part of what the
 * service costs: measured 11 µs of CPU per call, where a bare grpc-js echo takes 80.
 * Only what a benchmark needs: no TLS, no retries, no streaming, answers of any size.
 */
export class GrpcChannel implements FrameSink {
  readonly #socket: net.Socket;
  readonly #reader: FrameReader;
  readonly #calls = new Map<number, PendingCall>();
  #nextStreamId = 1;
  #outgoing: Buffer[] = [];
  #flushScheduled = false;
  /** Bytes of messages the server still allows; calls wait in `#blocked` when there are none left. */
  #sendWindowBytes = 65_535;
  readonly #blocked: BlockedCall[] = [];
  #receivedBytes = 0;
  #failure: Error | undefined;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    this.#reader = new FrameReader(this);
    socket.on("data", (chunk: Buffer) => this.#reader.push(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("connection closed by the server")));
    socket.write(openingBytes);
  }

  /** @throws when nobody listens at `address` (`host:port`) or no connection exists within five seconds */
  static async connect(address: string): Promise<GrpcChannel> {
    const { host, port } = splitAddress(address);
    const socket = net.connect({ host, port, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error(`no connection to ${address}`)), 5_000);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
    } finally {
      clearTimeout(timer);
    }
    return new GrpcChannel(socket);
  }

  /** `message` is a complete gRPC frame (see {@link grpcFrame}); the call ends in exactly one `call.done`. */
  start(method: PreparedMethod, message: Buffer, call: UnaryCall): void {
    if (this.#failure !== undefined) {
      call.done(connectionLost, emptyMessage);
      return;
    }
    if (message.length > this.#sendWindowBytes || this.#blocked.length > 0) {
      this.#blocked.push({ method, message, call });
      return;
    }
    this.#send(method, message, call);
  }

  /** Calls started and not yet done. */
  get inFlight(): number {
    return this.#calls.size + this.#blocked.length;
  }

  /** Calls under way end in {@link connectionLost}. Idempotent. */
  close(): void {
    this.#fail(new Error("closed"));
  }

  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    switch (type) {
      case frameType.data:
        this.#onData(streamId, payload);
        if ((flags & flag.endStream) !== 0) this.#finish(streamId, statusMissing);
        return;
      case frameType.headers:
        if ((flags & flag.endHeaders) === 0) this.#fail(new Error("headers in several frames"));
        if ((flags & flag.endStream) !== 0) this.#finish(streamId, readGrpcStatus(payload));
        return;
      case frameType.resetStream:
        this.#finish(streamId, streamReset);
        return;
      case frameType.settings:
        if ((flags & flag.ack) === 0) this.#write(frame(frameType.settings, flag.ack, 0));
        return;
      case frameType.ping:
        if ((flags & flag.ack) === 0) this.#write(frame(frameType.ping, flag.ack, 0, payload));
        return;
      case frameType.windowUpdate:
        if (streamId === 0) this.#onWindowUpdate(payload.readUInt32BE(0));
        return;
      case frameType.goAway:
        this.#fail(new Error("the server said GOAWAY"));
        return;
      default:
        return;
    }
  }

  #send(method: PreparedMethod, message: Buffer, call: UnaryCall): void {
    const streamId = this.#nextStreamId;
    this.#nextStreamId += 2;
    this.#sendWindowBytes -= message.length;
    this.#calls.set(streamId, { call, message: emptyMessage });
    const headers = method.headerBlock;
    const bytes = Buffer.allocUnsafe(2 * frameHeaderBytes + headers.length + message.length);
    writeFrameHeader(bytes, 0, {
      length: headers.length,
      type: frameType.headers,
      flags: flag.endHeaders,
      streamId,
    });
    headers.copy(bytes, frameHeaderBytes);
    const at = frameHeaderBytes + headers.length;
    writeFrameHeader(bytes, at, {
      length: message.length,
      type: frameType.data,
      flags: flag.endStream,
      streamId,
    });
    message.copy(bytes, at + frameHeaderBytes);
    this.#write(bytes);
  }

  /** Everything written in one turn of the event loop leaves in one system call. */
  #write(bytes: Buffer): void {
    this.#outgoing.push(bytes);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(() => {
      this.#flushScheduled = false;
      const parts = this.#outgoing;
      this.#outgoing = [];
      if (this.#failure !== undefined) return;
      this.#socket.write(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts));
    });
  }

  #onData(streamId: number, payload: Buffer): void {
    this.#receivedBytes += payload.length;
    if (this.#receivedBytes > receiveTopUpBytes) {
      this.#write(windowUpdate(this.#receivedBytes));
      this.#receivedBytes = 0;
    }
    const pending = this.#calls.get(streamId);
    if (pending === undefined) return;
    pending.message =
      pending.message.length === 0 ? payload : Buffer.concat([pending.message, payload]);
  }

  #finish(streamId: number, status: number): void {
    const pending = this.#calls.get(streamId);
    if (pending === undefined) return;
    this.#calls.delete(streamId);
    pending.call.done(status, pending.message);
  }

  #onWindowUpdate(bytes: number): void {
    this.#sendWindowBytes += bytes;
    while (this.#blocked.length > 0) {
      const next = this.#blocked[0] as BlockedCall;
      if (next.message.length > this.#sendWindowBytes) return;
      this.#blocked.shift();
      this.#send(next.method, next.message, next.call);
    }
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#socket.destroy();
    const lost = [...this.#calls.values()].map((pending) => pending.call);
    lost.push(...this.#blocked.map((waiting) => waiting.call));
    this.#calls.clear();
    this.#blocked.length = 0;
    for (const call of lost) call.done(connectionLost, emptyMessage);
  }
}

/** Told once how its call ended: a gRPC status (0 is OK) or one of the negative ones below; `message` with its prefix. */
export interface UnaryCall {
  done(status: number, message: Buffer): void;
}

interface BlockedCall {
  readonly method: PreparedMethod;
  readonly message: Buffer;
  readonly call: UnaryCall;
}

interface PendingCall {
  readonly call: UnaryCall;
  message: Buffer;
}

/** The answer's trailers held no readable grpc-status. */
const statusMissing = -1;
const streamReset = -2;
const connectionLost = -3;

/** The constant part of a call. */
export interface PreparedMethod {
  readonly headerBlock: Buffer;
}

/** @param path `/package.Service/Method` @param authority `host:port` */
export function prepareMethod(path: string, authority: string): PreparedMethod {
  // RFC 7541: indexed :method POST (3) and :scheme http (6); the rest literal, not indexed, not Huffman.
  return {
    headerBlock: Buffer.concat([
      Buffer.from([0x83, 0x86]),
      literalOf(4, path),
      literalOf(1, authority),
      literalOf(31, "application/grpc"),
      literalNamed("te", "trailers"),
    ]),
  };
}

/** Before every message: not compressed (1 byte), length (4). */
export const grpcPrefixBytes = 5;

export function grpcFrame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(grpcPrefixBytes + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, grpcPrefixBytes);
  return framed;
}

const emptyMessage = Buffer.alloc(0);
const receiveTopUpBytes = 2 ** 28;
const receiveWindowBytes = 2 ** 30;
/** Preface; no dynamic header table (so that trailers can be read without HPACK state), wide windows. */
const openingBytes = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"),
  frame(
    frameType.settings,
    0,
    0,
    Buffer.concat([setting(1, 0), setting(2, 0), setting(4, 2 ** 22)]),
  ),
  windowUpdate(receiveWindowBytes),
]);

function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes, 0);
  return frame(frameType.windowUpdate, 0, 0, payload);
}

function literalOf(nameIndex: number, value: string): Buffer {
  // A 4-bit prefix holds indices up to 14; 31 continues in a second byte.
  const name = nameIndex < 15 ? [nameIndex] : [15, nameIndex - 15];
  return Buffer.concat([Buffer.from(name), text(value)]);
}

function literalNamed(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length > 126) throw new Error(`header value too long for this client: ${value}`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** `grpc-status` as a header name, Huffman-coded (what nghttp2 sends) and plain. */
const statusNames = [Buffer.from("9acac8b21234da8f", "hex"), Buffer.from("grpc-status", "latin1")];

/** A status is one or two digits, which nghttp2 never Huffman-codes because that would not be shorter. */
function readGrpcStatus(trailers: Buffer): number {
  for (const name of statusNames) {
    const at = trailers.indexOf(name);
    if (at < 0) continue;
    const length = trailers[at + name.length] as number;
    if (length !== 1 && length !== 2) return statusMissing;
    const digits = trailers.toString("latin1", at + name.length + 1, at + name.length + 1 + length);
    return /^\d+$/.test(digits) ? Number(digits) : statusMissing;
  }
  return statusMissing;
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
