/** The parts of HTTP/2 framing (RFC 9113 §4, §6) that a unary gRPC client meets. */
export const frameType = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;

export const flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const frameHeaderBytes = 9;

/** One frame, header and payload. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = new Uint8Array(0),
): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes + payload.length);
  writeFrameHeader(bytes, 0, { length: payload.length, type, flags, streamId });
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

export function writeFrameHeader(
  target: Buffer,
  at: number,
  header: { length: number; type: number; flags: number; streamId: number },
): void {
  target[at] = header.length >>> 16;
  target[at + 1] = header.length >>> 8;
  target[at + 2] = header.length;
  target[at + 3] = header.type;
  target[at + 4] = header.flags;
  target.writeUInt32BE(header.streamId, at + 5);
}

export interface FrameSink {
  /** `payload` is a view of the received bytes; padding and priority are already gone. */
  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void;
}

/** Cuts a byte stream into frames, however the bytes arrive. */
export class FrameReader {
  readonly #sink: FrameSink;
  #rest: Buffer = Buffer.alloc(0);

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= frameHeaderBytes) {
      const length =
        ((bytes[at] as number) << 16) |
        ((bytes[at + 1] as number) << 8) |
        (bytes[at + 2] as number);
      const end = at + frameHeaderBytes + length;
      if (end > bytes.length) break;
      const type = bytes[at + 3] as number;
      const flags = bytes[at + 4] as number;
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
      const payload = bytes.subarray(at + frameHeaderBytes, end);
      this.#sink.onFrame(type, flags, streamId, withoutPadding(type, flags, payload));
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }
}

function withoutPadding(type: number, flags: number, payload: Buffer): Buffer {
  if (type !== frameType.data && type !== frameType.headers) return payload;
  let content = payload;
  if ((flags & flag.padded) !== 0) {
    content = content.subarray(1, content.length - (content[0] as number));
  }
  if (type === frameType.headers && (flags & flag.priority) !== 0) content = content.subarray(5);
  return content;
}
