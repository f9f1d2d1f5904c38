import type { Redis } from "ioredis";
import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import { BanditError } from "../../domain/errors.ts";
import type { ArmTotals } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { TotalsListeners } from "../state/totals-listeners.ts";
import { totalsChannelName } from "./keys.ts";
import {
  databaseNumber,
  inTime,
  masters,
  type RedisClient,
  reconnectDelayMs,
} from "./redis-client.ts";
import { formatTotalsMessage, parseTotalsMessage } from "./totals-text.ts";

const subscribeTimeoutMs = 5_000;
const publishTimeoutMs = 1_000;
const announceDelayMs = 10;

/**
 * Hears of changed totals, this process's own included, over a connection of its own. In a cluster any
 * node will do, because nodes pass messages on; when it is lost the next one is tried.
 */
export class TotalsChannel {
  readonly #name: string;
  readonly #client: RedisClient;
  readonly #logger: Logger;
  readonly #listeners: TotalsListeners;
  #subscriber: Redis | undefined;
  /** Subscribes anew after a loss, until that has succeeded. */
  readonly #reconnects: RepeatedWork;
  /** Since the last time a subscription succeeded. */
  #attempts = 0;
  #foreignMessageLogged = false;
  /** Newest totals of each arm that others have not been told of; at most the arms there are. */
  readonly #unsent = new Map<string, ArmTotals>();
  #sending: NodeJS.Timeout | undefined;
  #isSubscribed = false;

  /** Rejects when the first subscription fails; later losses are repaired in the background. */
  static async subscribe(client: RedisClient, logger: Logger): Promise<TotalsChannel> {
    const channel = new TotalsChannel(client, logger);
    try {
      await channel.#subscribe();
      return channel;
    } catch (error) {
      await channel.close();
      throw error;
    }
  }

  private constructor(client: RedisClient, logger: Logger) {
    this.#name = totalsChannelName(databaseNumber(client));
    this.#client = client;
    this.#logger = logger;
    this.#listeners = new TotalsListeners(logger);
    this.#reconnects = new RepeatedWork({
      work: () => this.#subscribe(),
      pauseMs: () =>
        this.#isSubscribed ? Number.POSITIVE_INFINITY : reconnectDelayMs(this.#attempts + 1),
      onFailure: (error) => {
        logger.warn("changes of totals by other processes are unknown until Redis can be reached", {
          error,
        });
      },
    });
  }

  onTotalsChanged(listener: (totals: ArmTotals) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Tells one's own listeners at once and the other processes within {@link announceDelayMs}, an arm that
   * changes often once each time: a message for every outcome cost each process more than the outcome did.
   */
  announce(changed: readonly ArmTotals[]): void {
    for (const totals of changed) {
      this.#listeners.tell(totals);
      this.#unsent.set(`${totals.agentType}|${totals.codeType}|${totals.variantId}`, totals);
    }
    if (this.#unsent.size === 0 || this.#sending !== undefined) return;
    this.#sending = setTimeout(() => void this.#send(), announceDelayMs).unref();
  }

  /** Sends what is still to be told, then lets go of the connection. */
  async close(): Promise<void> {
    void this.#reconnects.stop();
    clearTimeout(this.#sending);
    await this.#send();
    this.#listeners.clear();
    this.#subscriber?.disconnect();
  }

  /** Never rejects: what others are not told now, they find when they compare. */
  async #send(): Promise<void> {
    this.#sending = undefined;
    if (this.#unsent.size === 0) return;
    const message = formatTotalsMessage([...this.#unsent.values()]);
    this.#unsent.clear();
    try {
      await inTime(this.#client.publish(this.#name, message), publishTimeoutMs);
    } catch (error) {
      this.#logger.warn("changed totals could not be announced; other processes read them later", {
        error,
      });
    }
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
    subscriber.on("message", (_channel: string, message: string) => this.#receive(message));
    try {
      await inTime(
        subscriber.connect().then(() => subscriber.subscribe(this.#name)),
        subscribeTimeoutMs,
      );
    } catch (error) {
      subscriber.disconnect();
      throw error;
    }
    this.#attempts = 0;
    this.#isSubscribed = true;
    const onEnd = (): void => {
      this.#isSubscribed = false;
      this.#reconnects.start();
    };
    if (subscriber.status === "end") onEnd();
    else subscriber.once("end", onEnd);
  }

  /** Anybody may publish on the channel; what cannot be read must not end every replica. */
  #receive(message: string): void {
    let changed: readonly ArmTotals[];
    try {
      changed = parseTotalsMessage(message);
    } catch (error) {
      if (this.#foreignMessageLogged) return;
      this.#foreignMessageLogged = true;
      this.#logger.warn("a message about totals cannot be read; it and further ones are ignored", {
        channel: this.#name,
        message: message.slice(0, 200),
        error,
      });
      return;
    }
    for (const totals of changed) this.#listeners.tell(totals);
  }
}
