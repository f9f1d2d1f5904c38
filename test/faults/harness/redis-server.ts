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
