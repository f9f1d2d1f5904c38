import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Behaviour, FaultLink, passing } from "./fault-link.ts";

/** Stands between a client and a server on loopback and breaks what goes through, as networks do. */
export class FaultProxy {
  readonly #server: Server;
  #targetPort: number;
  readonly #links = new Set<FaultLink>();
  #behaviour = passing;
  #replyBytesLeft: number | undefined;

  /** @param targetPort on 127.0.0.1; may have nobody listening for a while */
  static async start(targetPort: number): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return new FaultProxy(server, targetPort);
  }

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    server.on("connection", (client) => this.#accept(client));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * Everything goes through again. What a {@link blackhole} has kept back is delivered now, late, as a network
   * does that was only interrupted; a connection that has lost bytes is cut.
   */
  pass(): void {
    this.#become(passing);
  }

  /** Cuts every connection and resets every new one at once. */
  refuse(): void {
    this.#become({ ...passing, refusing: true });
    this.cutAll();
  }

  /** Connections are accepted and stay open, nothing arrives any more in either direction, nobody is told. */
  blackhole(): void {
    this.#become({ ...passing, held: true });
  }

  /** The same for the connections of now; later ones go through. */
  silence(): void {
    for (const link of this.#links) link.follow({ ...passing, held: true });
  }

  /** New connections go to another server, as when a name is moved; those of now stay where they are. */
  moveTo(targetPort: number): void {
    this.#targetPort = targetPort;
  }

  /** Half open: what is asked arrives, no answer ever does. */
  loseReplies(): void {
    this.#become({ ...passing, lost: new Set(["replies"]) });
  }

  /** Adds so many milliseconds to each direction. */
  delay(delayMs: number): void {
    this.#become({ ...passing, delayMs });
  }

  /** Resets every connection; new ones go through unless they are refused. */
  cutAll(): void {
    for (const link of this.#links) link.cut();
  }

  /** Every connection of now is cut after so many more bytes of its answers. */
  cutReplies(afterBytes: number): void {
    for (const link of this.#links) link.cutRepliesAfter(afterBytes);
  }

  /** New connections, too, are cut after so many bytes of answers; undefined: no more of that. */
  cutNewReplies(afterBytes: number | undefined): void {
    this.#replyBytesLeft = afterBytes;
  }

  async stop(): Promise<void> {
    this.cutAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #become(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
    for (const link of this.#links) link.follow(behaviour);
  }

  #accept(client: Socket): void {
    if (this.#behaviour.refusing) {
      client.resetAndDestroy();
      return;
    }
    const link = new FaultLink({
      client,
      targetPort: this.#targetPort,
      behaviour: this.#behaviour,
      onEnd: () => this.#links.delete(link),
    });
    if (this.#replyBytesLeft !== undefined) link.cutRepliesAfter(this.#replyBytesLeft);
    this.#links.add(link);
  }
}
