import type { Message } from "@bufbuild/protobuf";
import type { CallsUnderWay } from "../calls-under-way.ts";

/**
 * The messages of a stream over Connect, until the server stops: then it is aborted and the caller is
 * told why at once, whether a message was being waited for or not.
 * @param invoke begins the stream; its signal is aborted when nobody wants further messages.
 */
export async function* streamUntilStop(
  calls: CallsUnderWay,
  gone: AbortSignal,
  invoke: (signal: AbortSignal) => AsyncIterable<Message>,
): AsyncGenerator<Message> {
  const stop = new AbortController();
  const cut = Promise.withResolvers<never>();
  // Nobody may be waiting when it comes.
  cut.promise.catch(() => undefined);
  const ended = calls.beginStream((error) => {
    cut.reject(error);
    stop.abort();
  });
  const messages = invoke(AbortSignal.any([gone, stop.signal]))[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = messages.next();
      // An error after the cut is dropped; the route has counted the call.
      next.catch(() => undefined);
      const { done, value } = await Promise.race([next, cut.promise]);
      if (done === true) return;
      yield value;
    }
  } finally {
    ended();
    // Not waited for: it ends when its pending message has come.
    void messages.return?.()?.catch(() => undefined);
  }
}
