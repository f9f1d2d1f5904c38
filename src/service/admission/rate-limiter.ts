import type { Clock } from "../../ports/clock.ts";

/** Callers that are told apart at once. */
export const bucketsMax = 10_000;
/** Keys of one peer address that have a limit of their own; further ones share the address's. */
export const namesPerPeerMax = 100;

/** Who calls. */
export interface Caller {
  /** Address it calls from. */
  readonly peer: string;
  /** The name it gives itself, short and of bounded length. Absent: known by its address. */
  readonly name?: string;
}

export interface RateLimiterOptions {
  /** Calls a second; above 0. */
  readonly ratePerSecond: number;
  /** Calls at once of a caller that was silent; at least 1. */
  readonly burst: number;
  readonly clock: Clock;
}

interface Bucket {
  /** At `atMs`; grows by the rate up to the burst. */
  tokens: number;
  atMs: number;
}

interface Peer {
  /** For calls without a name, and for those with one name too many. */
  own: Bucket | undefined;
  /** The least recently used first. */
  readonly names: Map<string, Bucket>;
}

/**
 * A token bucket per caller. In any stretch of t seconds a bucket gives at most `ratePerSecond`·t +
 * `burst`, and a caller that keeps to the rate is never refused.
 *
 * Anybody can make up names: that gains an address at most {@link namesPerPeerMax} limits, and no memory.
 * A peer address has {@link namesPerPeerMax} names with buckets of their own and its further ones share
 * the address's; a bucket is forgotten only when it is full again, since a new one would be the same; and
 * when all {@link bucketsMax} are in use, newcomers share one bucket.
 */
export class RateLimiter {
  readonly #ratePerMs: number;
  readonly #burst: number;
  readonly #clock: Clock;
  /** The least recently used first. */
  readonly #peers = new Map<string, Peer>();
  readonly #newcomers: Bucket;
  #size = 0;

  constructor({ ratePerSecond, burst, clock }: RateLimiterOptions) {
    this.#ratePerMs = ratePerSecond / 1000;
    this.#burst = burst;
    this.#clock = clock;
    this.#newcomers = { tokens: burst, atMs: clock.monotonicMs() };
  }

  /** Buckets held now, at most {@link bucketsMax}. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes a token for each of `items`, or none.
   * @returns 0 when taken; otherwise after how many milliseconds there will be as many, if nobody else
   *   takes them; Infinity when there never will (`items` above the burst).
   */
  take(caller: Caller, items: number): number {
    if (items > this.#burst) return Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#bucketOf(caller, nowMs);
    bucket.tokens = this.#tokensAt(bucket, nowMs);
    bucket.atMs = nowMs;
    if (bucket.tokens >= items) {
      bucket.tokens -= items;
      return 0;
    }
    return (items - bucket.tokens) / this.#ratePerMs;
  }

  #tokensAt(bucket: Bucket, nowMs: number): number {
    return Math.min(this.#burst, bucket.tokens + (nowMs - bucket.atMs) * this.#ratePerMs);
  }

  #isFull(bucket: Bucket, nowMs: number): boolean {
    return this.#tokensAt(bucket, nowMs) >= this.#burst;
  }

  #bucketOf({ peer: address, name }: Caller, nowMs: number): Bucket {
    const peer = this.#peers.get(address) ?? { own: undefined, names: new Map() };
    const bucket =
      (name === undefined ? undefined : this.#bucketOfName(peer, name, nowMs)) ??
      this.#bucketOfPeer(peer, nowMs);
    if (peer.own === undefined && peer.names.size === 0) return this.#newcomers;
    this.#peers.delete(address);
    this.#peers.set(address, peer);
    return bucket;
  }

  #bucketOfName(peer: Peer, name: string, nowMs: number): Bucket | undefined {
    const known = peer.names.get(name);
    if (known === undefined && !this.#hasRoomForName(peer, nowMs)) return undefined;
    const bucket = known ?? this.#newBucket(nowMs);
    peer.names.delete(name);
    peer.names.set(name, bucket);
    return bucket;
  }

  #bucketOfPeer(peer: Peer, nowMs: number): Bucket {
    if (peer.own === undefined) {
      if (!this.#hasRoom(nowMs)) return this.#newcomers;
      peer.own = this.#newBucket(nowMs);
    }
    return peer.own;
  }

  #newBucket(nowMs: number): Bucket {
    this.#size += 1;
    return { tokens: this.#burst, atMs: nowMs };
  }

  #hasRoomForName(peer: Peer, nowMs: number): boolean {
    if (peer.names.size < namesPerPeerMax) return this.#hasRoom(nowMs);
    return this.#dropOldestName(peer, nowMs);
  }

  #hasRoom(nowMs: number): boolean {
    if (this.#size < bucketsMax) return true;
    const [oldest] = this.#peers;
    if (oldest === undefined) return false;
    const [address, peer] = oldest;
    if (this.#dropOldestName(peer, nowMs)) {
      if (peer.names.size === 0 && peer.own === undefined) this.#peers.delete(address);
      return true;
    }
    if (peer.names.size > 0 || peer.own === undefined || !this.#isFull(peer.own, nowMs))
      return false;
    this.#peers.delete(address);
    // The oldest may be the caller itself, which is put back.
    peer.own = undefined;
    this.#size -= 1;
    return true;
  }

  #dropOldestName(peer: Peer, nowMs: number): boolean {
    const [oldest] = peer.names;
    if (oldest === undefined || !this.#isFull(oldest[1], nowMs)) return false;
    peer.names.delete(oldest[0]);
    this.#size -= 1;
    return true;
  }
}
