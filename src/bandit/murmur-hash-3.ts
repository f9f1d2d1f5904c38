/**
 * MurmurHash3_x86_32 by Austin Appleby (public domain description, SMHasher). Not cryptographic; chosen
 * because every language has it, so that an SDK can repeat a draw.
 * @param seed 32 bits. @returns unsigned 32 bits.
 */
export function murmurHash3(bytes: Uint8Array, seed: number): number {
  let hash = seed | 0;
  const tail = bytes.length & ~3;
  for (let at = 0; at < tail; at += 4) {
    const block =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    hash ^= scramble(block);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = bytes.length - 1; at >= tail; at -= 1) rest = (rest << 8) | (bytes[at] as number);
  hash ^= scramble(rest) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}
