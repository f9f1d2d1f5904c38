import type { ArmTotals } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { totalsChannel } from "./keys.ts";
import { connectRedis, type RedisClient, type RedisConnectionOptions } from "./redis-client.ts";
import { parseTotalsMessage } from "./totals-text.ts";

/** Hears of changed totals, this process's own included, over a connection of its own. */
export class TotalsChannel {
  readonly #subscriber: RedisClient;
  readonly #logger: Logger;
  readonly #listeners = new Set<(totals: ArmTotals) => void>();

  static async subscribe(connection: RedisConnectionOptions): Promise<TotalsChannel> {
    const subscriber = await connectRedis(connection, "messages");
    const channel = new TotalsChannel(subscriber, connection.logger);
    await subscriber.subscribe(totalsChannel);
    return channel;
  }

  private constructor(subscriber: RedisClient, logger: Logger) {
    this.#subscriber = subscriber;
    this.#logger = logger;
    subscriber.on("message", (_channel: string, message: string) => {
      for (const totals of parseTotalsMessage(message)) this.#announce(totals);
    });
  }

  onTotalsChanged(listener: (totals: ArmTotals) => void): () => void {
    const call = (totals: ArmTotals): void => listener(totals);
    this.#listeners.add(call);
    return () => void this.#listeners.delete(call);
  }

  close(): void {
    this.#listeners.clear();
    this.#subscriber.disconnect();
  }

  #announce(totals: ArmTotals): void {
    for (const listener of this.#listeners) {
      try {
        listener(totals);
      } catch (error) {
        this.#logger.error("a listener to changed totals threw", { error });
      }
    }
  }
}
