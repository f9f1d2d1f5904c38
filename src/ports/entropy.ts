/** Randomness. The only source of it outside `adapters/system`. */
export interface Entropy {
  /** Fills `target` with random bytes. */
  fill(target: Uint8Array): void;
}
