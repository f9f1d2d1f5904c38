import { connect, type Socket } from "node:net";

/** What is held back of one direction of one connection, at most; a sender of more is cut off. */
const heldBytesMax = 64 * 1024 * 1024;

type Direction = "requests" | "replies";

/** How bytes are treated now. `held`: kept back; `lost`: thrown away. */
export interface Behaviour {
  readonly held: boolean;
  readonly lost: ReadonlySet<Direction>;
  readonly delayMs: number;
  readonly refusing: boolean;
}

/** Everything goes through at once. */
export const passing: Behaviour = { held: false, lost: new Set(), delayMs: 0, refusing: false };

/** One connection through a fault proxy. */
export class FaultLink {
  readonly #client: Socket;
  readonly #targetPort: number;
  readonly #onEnd: () => void;
  readonly #requests: Lane;
  readonly #replies: Lane;
  #upstream: Socket | undefined;
  #hasLost = false;
  #behaviour: Behaviour;
  #replyBytesLeft: number | undefined;

  constructor(options: {
    client: Socket;
    targetPort: number;
    behaviour: Behaviour;
    onEnd: () => void;
  }) {
    this.#client = options.client;
    this.#targetPort = options.targetPort;
    this.#onEnd = options.onEnd;
    this.#behaviour = options.behaviour;
    this.#requests = new Lane({
      deliver: (bytes) => void this.#upstream?.write(bytes),
      end: () => void this.#upstream?.end(),
    });
    this.#replies = new Lane({
      deliver: (bytes) => this.#deliverReply(bytes),
      end: () => void this.#client.end(),
    });
    this.#client.setNoDelay(true);
    this.#client.on("data", (bytes) => this.#take("requests", bytes));
    this.#client.on("end", () => this.#requests.finish());
    this.#client.on("close", () => {
      this.#requests.finish();
      this.#forgetWhenOver();
    });
    this.#client.on("error", () => this.#client.destroy());
    this.follow(options.behaviour);
  }

  follow(behaviour: Behaviour): void {
    const isHealed = this.#behaviour.lost.size > 0 && behaviour.lost.size === 0;
    this.#behaviour = behaviour;
    if (isHealed && this.#hasLost) {
      this.cut();
      return;
    }
    // A connection that was opened into a hole reaches its server when the hole is gone.
    if (!behaviour.held && this.#upstream === undefined) this.#connect();
    for (const lane of [this.#requests, this.#replies]) lane.follow(behaviour);
  }

  cutRepliesAfter(bytes: number): void {
    this.#replyBytesLeft = bytes;
  }

  cut(): void {
    this.#requests.drop();
    this.#replies.drop();
    this.#client.resetAndDestroy();
    this.#upstream?.resetAndDestroy();
    this.#onEnd();
  }

  #connect(): void {
    const upstream = connect({ port: this.#targetPort, host: "127.0.0.1", allowHalfOpen: true });
    this.#upstream = upstream;
    upstream.setNoDelay(true);
    upstream.on("data", (bytes) => this.#take("replies", bytes));
    // Nobody listening, or the server has died: the client sees its connection reset.
    upstream.on("error", () => this.cut());
    upstream.on("end", () => this.#replies.finish());
    upstream.on("close", () => {
      this.#replies.finish();
      this.#forgetWhenOver();
    });
  }

  #forgetWhenOver(): void {
    if (this.#client.closed && this.#upstream?.closed === true) this.#onEnd();
  }

  #take(direction: Direction, bytes: Buffer): void {
    if (this.#behaviour.lost.has(direction)) {
      this.#hasLost = true;
      return;
    }
    const lane = direction === "requests" ? this.#requests : this.#replies;
    if (!lane.take(bytes)) this.cut();
  }

  #deliverReply(bytes: Buffer): void {
    const left = this.#replyBytesLeft;
    if (left === undefined || bytes.length < left) {
      if (left !== undefined) this.#replyBytesLeft = left - bytes.length;
      this.#client.write(bytes);
      return;
    }
    this.#client.write(bytes.subarray(0, left), () => this.cut());
  }
}

/** One direction of a connection: what was sent and has not arrived yet. */
class Lane {
  readonly #deliver: (bytes: Buffer) => void;
  readonly #end: () => void;
  readonly #queue: { readonly dueMs: number; readonly bytes: Buffer }[] = [];
  #behaviour = passing;
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #finished = false;

  constructor(options: { deliver: (bytes: Buffer) => void; end: () => void }) {
    this.#deliver = options.deliver;
    this.#end = options.end;
  }

  /** False when more is on its way than is held. */
  take(bytes: Buffer): boolean {
    this.#queue.push({ dueMs: performance.now() + this.#behaviour.delayMs, bytes });
    this.#queuedBytes += bytes.length;
    this.#pump();
    return this.#queuedBytes <= heldBytesMax;
  }

  follow(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
    this.#pump();
  }

  /** The sender has gone: what it sent arrives all the same, then the end. */
  finish(): void {
    this.#finished = true;
    this.#pump();
  }

  drop(): void {
    this.#queue.length = 0;
    clearTimeout(this.#timer);
    this.#finished = true;
  }

  #pump(): void {
    clearTimeout(this.#timer);
    if (this.#behaviour.held) return;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), waitMs);
        return;
      }
      this.#queue.shift();
      this.#queuedBytes -= next.bytes.length;
      this.#deliver(next.bytes);
    }
    if (this.#finished) this.#end();
  }
}
