import type { Redis } from "ioredis";
import { BanditError } from "../../domain/errors.ts";
import type { ArmTotals } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { totalsChannel } from "./keys.ts";
import { masters, type RedisClient, reconnectDelayMs, withDeadline } from "./redis-client.ts";
import { parseTotalsMessage } from "./totals-text.ts";

const subscribeTimeoutMs = 5_000;

/**
 * Hears of changed totals, this process's own included, over a connection of its own. In a cluster any
 * node will do, because nodes pass messages on; when it is lost the next one is tried.
 */
export class TotalsChannel {
  readonly #client: RedisClient;
  readonly #logger: Logger;
  readonly #listeners = new Set<(totals: ArmTotals) => void>();
  /** Newest version delivered of each arm: a message about a change of one's own comes twice. */
  readonly #delivered = new Map<string, number>();
  #subscriber: Redis | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  /** Since the last time a subscription succeeded. */
  #attempts = 0;
  #closed = false;

  /** Rejects when the first subscription fails; later losses are repaired in the background. */
  static async subscribe(client: RedisClient, logger: Logger): Promise<TotalsChannel> {
    const channel = new TotalsChannel(client, logger);
    try {
      await channel.#subscribe();
      return channel;
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  private constructor(client: RedisClient, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
  }

  onTotalsChanged(listener: (totals: ArmTotals) => void): () => void {
    const call = (totals: ArmTotals): void => listener(totals);
    this.#listeners.add(call);
    return () => void this.#listeners.delete(call);
  }

  /** Tells the listeners about totals that are newer than what they were told before. */
  deliver(changed: readonly ArmTotals[]): void {
    for (const totals of changed) {
      const arm = `${totals.agentType}|${totals.codeType}|${totals.variantId}`;
      if ((this.#delivered.get(arm) ?? 0) >= totals.version) continue;
      this.#delivered.set(arm, totals.version);
      this.#announce(totals);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#reconnect);
    this.#listeners.clear();
    this.#subscriber?.disconnect();
  }

  async #subscribe(): Promise<void> {
    this.#attempts += 1;
    const servers = masters(this.#client);
    const server = servers[this.#attempts % servers.length];
    if (server === undefined) {
      throw new BanditError("unavailable", "no node of the state store's cluster is known", {
        reason: "STATE_UNAVAILABLE",
      });
    }
    const subscriber = server.duplicate({
      lazyConnect: true,
      connectionName: "banditd-messages",
      retryStrategy: () => null,
      enableOfflineQueue: true,
    });
    this.#subscriber = subscriber;
    subscriber.on("error", (error: Error) => {
      this.#logger.warn("the message connection to Redis has a problem", { error: error.message });
    });
    subscriber.on("message", (_channel: string, message: string) => {
      this.deliver(parseTotalsMessage(message));
    });
    try {
      await withDeadline(
        subscriber.connect().then(() => subscriber.subscribe(totalsChannel)),
        subscribeTimeoutMs,
      );
    } catch (error) {
      subscriber.disconnect();
      throw error;
    }
    this.#attempts = 0;
    if (subscriber.status === "end") this.#subscribeLater();
    else subscriber.once("end", () => this.#subscribeLater());
  }

  #subscribeLater(): void {
    if (this.#closed) return;
    this.#reconnect = setTimeout(
      () => {
        this.#subscribe().catch((error: unknown) => {
          this.#logger.warn("changed totals are not heard of until Redis can be reached", {
            error,
          });
          this.#subscribeLater();
        });
      },
      reconnectDelayMs(this.#attempts + 1),
    ).unref();
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
