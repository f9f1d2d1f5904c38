import { EventEmitter, once } from "node:events";
import type { Message } from "@bufbuild/protobuf";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { expect, it } from "vitest";
import { GrpcStream } from "../../../../src/rpc/grpc/grpc-stream.ts";

/** The part of a call that a stream uses; full after each message. */
class FullCall extends EventEmitter {
  cancelled = false;
  written = 0;
  ended = false;
  write(): boolean {
    this.written += 1;
    this.emit("written");
    return false;
  }
  end(): void {
    this.ended = true;
  }
}

async function* messages(count: number): AsyncGenerator<Message> {
  for (let sent = 0; sent < count; sent += 1) yield { $typeName: "test" } as Message;
}

function open(unreadMs?: number) {
  const call = new FullCall();
  const stream = new GrpcStream(
    call as unknown as ServerWritableStream<Message, Message>,
    unreadMs,
  );
  return { call, stream };
}

it("waits for its client again and again without leaving listeners behind", async () => {
  const { call, stream } = open();
  call.on("written", () => setImmediate(() => call.emit("drain")));
  await stream.pipe(messages(100));
  expect(call).toMatchObject({ written: 100, ended: true });
  expect(call.listenerCount("cancelled")).toBe(1);
  expect(call.listenerCount("drain")).toBe(0);
  expect(call.listenerCount("error")).toBe(0);
});

it("ends with an error when its client reads nothing, and asks for nothing more", async () => {
  const { call, stream } = open(5);
  const failed = once(call, "error").catch((error: unknown) => error);
  call.once("error", () => undefined);
  await stream.pipe(messages(100));
  expect(call).toMatchObject({ written: 1, ended: false });
  expect(stream.signal.aborted).toBe(true);
  expect(await failed).toMatchObject([{ code: 4 }]);
});
