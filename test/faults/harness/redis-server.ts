import { Redis } from "ioredis";

/** Sends one command to a Redis server, past every proxy. */
export async function redisCommand(
  port: number,
  ...words: [string, ...string[]]
): Promise<unknown> {
  const client = new Redis({ port, lazyConnect: true, maxRetriesPerRequest: 0 });
  client.on("error", () => undefined); // the command rejects with it
  try {
    await client.connect();
    const [name, ...args] = words;
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

/** Deletes every key that matches, past every proxy: what a careless operator might do. @returns how many */
export async function deleteKeys(port: number, pattern: string): Promise<number> {
  const keys = (await redisCommand(port, "KEYS", pattern)) as string[];
  for (const key of keys) await redisCommand(port, "DEL", key);
  return keys.length;
}
