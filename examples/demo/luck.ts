/** The luck of one task: uniform numbers in [0,1), the same ones whenever they are asked for. */
export type Luck = (index: number) => number;

/**
 * Every number is a hash of seed, agent, task and index, so that neither the agents nor neighbouring seeds resemble one
 * another. The hash is the finalizer of MurmurHash3, once for each part.
 */
export function luckOf(seed: number, agent: number, task: number): Luck {
  const key = mix(mix(mix(seed) ^ agent) ^ task);
  return (index) => mix(key ^ mix(index + 1)) / 2 ** 32;
}

function mix(value: number): number {
  let hash = (value + 0x9e3779b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
