import { describeRate, integer, type Progress } from "../text/progress.ts";

/** Between reading and printing the event loop has turns; progress costs nothing in between. */
const progressEvery = 1000;

/** What is told of the reading of a log, every thousand rows. */
export interface LogProgress {
  /** Of a file, whose length is not known. */
  ofFile(rows: number): void;
  /** Of a service's log; the rate is counted from the first row. */
  ofService(done: number, total: number): void;
}

/** @param noun what a service's rows are called, e.g. `decisions` */
export function logProgress(progress: Progress, noun: string): LogProgress {
  let firstRowMs: number | undefined;
  return {
    ofFile(rows) {
      if (rows % progressEvery === 0) progress.update(() => `${integer(rows)} rows`);
    },
    ofService(done, total) {
      firstRowMs ??= progress.elapsedMs();
      if (done % progressEvery !== 0) return;
      const elapsedMs = progress.elapsedMs() - firstRowMs;
      progress.update(() => describeRate({ done, total, noun, elapsedMs }));
    },
  };
}
