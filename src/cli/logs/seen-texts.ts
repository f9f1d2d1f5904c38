/**
 * Which texts have been before, in 16 to 32 bytes for each: a file may have millions of ids. Hashes of 63 bits are held, so
 * in one of a million files with 5 million different texts it sees a repetition that is none; the caller has to look.
 */
export class SeenTexts {
  /** Pairs of 32 bits; 0, 0 is a free place. A power of 2 of them, at most half taken. */
  #table = new Uint32Array(2 * 1024);
  #count = 0;

  /** True when it was there already. */
  add(text: string): boolean {
    if (this.#count * 4 >= this.#table.length) this.#grow();
    const isNew = put(this.#table, hash(text, 0x9e3779b1), hash(text, 0x5f356495) || 1);
    if (isNew) this.#count += 1;
    return !isNew;
  }

  #grow(): void {
    const larger = new Uint32Array(this.#table.length * 2);
    for (let at = 0; at < this.#table.length; at += 2) {
      const low = this.#table[at + 1] as number;
      if (low !== 0) put(larger, this.#table[at] as number, low);
    }
    this.#table = larger;
  }
}

/** False when it is there already. */
function put(table: Uint32Array, high: number, low: number): boolean {
  const mask = table.length - 2;
  for (let at = (high * 2) & mask; ; at = (at + 2) & mask) {
    if (table[at + 1] === 0) {
      table[at] = high;
      table[at + 1] = low;
      return true;
    }
    if (table[at] === high && table[at + 1] === low) return false;
  }
}

/** 32 bits of a multiplicative hash, mixed at the end as MurmurHash3 does: ids in a row would lie in a row. */
function hash(text: string, multiplier: number): number {
  let bits = multiplier;
  for (let at = 0; at < text.length; at += 1) {
    bits = Math.imul(bits ^ text.charCodeAt(at), multiplier);
  }
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
