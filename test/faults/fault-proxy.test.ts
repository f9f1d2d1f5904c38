import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FaultProxy } from "../support/fault-proxy.ts";

// A server that answers every text with the same text in capitals, and a client on the other side of the proxy.

let server: Server;
let proxy: FaultProxy;
/** Everything that has arrived at the server. */
let heard: string;

beforeEach(async () => {
  heard = "";
  server = createServer((socket) => {
    socket.on("error", () => undefined); // cut on purpose
    socket.on("data", (bytes) => {
      heard += bytes.toString();
      socket.write(bytes.toString().toUpperCase());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await FaultProxy.start((server.address() as AddressInfo).port);
});
afterEach(async () => {
  await proxy.stop();
  server.close();
});

/** A connection, what it has been told, and how it ended. */
function client() {
  const socket: Socket = connect(proxy.port, "127.0.0.1");
  const seen = { answer: "", ended: "" };
  socket.on("data", (bytes) => {
    seen.answer += bytes.toString();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    seen.ended = error.code ?? "error";
  });
  socket.on("close", () => {
    seen.ended ||= "closed";
  });
  return { socket, seen };
}

const soon = { timeout: 5_000, interval: 5 };

it("lets everything through", async () => {
  const { socket, seen } = client();
  socket.write("one ");
  await expect.poll(() => seen.answer, soon).toBe("ONE ");
  socket.end("two");
  await expect.poll(() => seen.ended, soon).toBe("closed");
  expect(seen.answer).toBe("ONE TWO");
});

it("keeps back what comes into a black hole, from old connections and new ones, and delivers it in order afterwards", async () => {
  const old = client();
  old.socket.write("before ");
  await expect.poll(() => old.seen.answer, soon).toBe("BEFORE ");
  proxy.blackhole();
  const fresh = client();
  old.socket.write("old ");
  fresh.socket.write("fresh ");
  old.socket.end("gone");
  proxy.delay(0); // heals
  await expect.poll(() => fresh.seen.answer, soon).toBe("FRESH ");
  await expect.poll(() => old.seen.answer, soon).toBe("BEFORE OLD GONE");
  expect(heard).toContain("old gone");
});

it("gives nothing away while the hole is there", async () => {
  const { socket, seen } = client();
  await once(socket, "connect");
  proxy.blackhole();
  socket.write("lost?");
  const other = await FaultProxy.start((server.address() as AddressInfo).port);
  const witness = connect(other.port, "127.0.0.1");
  witness.write("witness");
  await once(witness, "data");
  expect(heard).toBe("witness");
  expect(seen).toEqual({ answer: "", ended: "" });
  witness.destroy();
  await other.stop();
});

it("loses answers only, and cuts the connection that has lost some when it heals", async () => {
  const { socket, seen } = client();
  proxy.loseReplies();
  socket.write("arrives");
  await expect.poll(() => heard, soon).toBe("arrives");
  // Healed again and again, because its answer may not have come as far as the proxy yet.
  await expect
    .poll(() => {
      proxy.pass();
      proxy.loseReplies();
      return seen.ended;
    }, soon)
    .not.toBe("");
  expect(seen.answer).toBe("");
});

it("refuses, and cuts in the middle of an answer", async () => {
  const first = client();
  first.socket.write("whole ");
  await expect.poll(() => first.seen.answer, soon).toBe("WHOLE ");
  proxy.cutReplies(3);
  first.socket.write("abcdef");
  await expect.poll(() => first.seen.ended, soon).not.toBe("");
  expect(first.seen.answer).toBe("WHOLE ABC");
  const second = client();
  second.socket.write("x");
  await expect.poll(() => second.seen.answer, soon).toBe("X");
  proxy.refuse();
  await expect.poll(() => second.seen.ended, soon).not.toBe("");
  const third = client();
  await expect.poll(() => third.seen.ended, soon).not.toBe("");
  expect(heard).toBe("whole abcdefx");
});
