import { expect, test } from "vitest";
import { GroupCommit } from "../../../../src/adapters/lmdb/group-commit.ts";
import { BanditError } from "../../../../src/domain/errors.ts";

function recording(options: { failCommit?: (group: number) => boolean } = {}) {
  const groups: string[][] = [];
  const commits = new GroupCommit<{ names: string[]; commit(): Promise<void> }>({
    openBatch: () => {
      const names: string[] = [];
      const group = groups.push(names) - 1;
      return {
        names,
        commit: async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          if (options.failCommit?.(group) === true) throw new Error("disk");
        },
      };
    },
    translate: (error) =>
      error instanceof BanditError
        ? error
        : new BanditError("unavailable", "translated", { reason: "TEST", cause: error }),
    callsMax: 2000,
    bytesMax: 20 * 2 ** 20,
  });
  const write = (name: string, bytes?: number) =>
    commits.run((batch) => {
      batch.names.push(name);
      return name;
    }, bytes);
  return { groups, commits, write };
}

test("calls of one turn share a transaction, and so do those that come while it is committed", async () => {
  const { groups, write } = recording();
  const first = [write("a"), write("b")];
  await new Promise((resolve) => setTimeout(resolve, 1));
  const second = [write("c")];
  await new Promise((resolve) => setImmediate(resolve));
  second.push(write("d"));
  expect(await Promise.all([...first, ...second])).toEqual(["a", "b", "c", "d"]);
  expect(groups).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
});

test("a large backlog is taken in groups of at most 200, in order", async () => {
  const { groups, write } = recording();
  const names = Array.from({ length: 500 }, (_, index) => String(index));
  await Promise.all(names.map((name) => write(name)));
  expect(groups.map((group) => group.length)).toEqual([200, 200, 100]);
  expect(groups.flat()).toEqual(names);
});

test("a group has 8 MiB at most, or one call", async () => {
  const { groups, write } = recording();
  await Promise.all([3, 4, 2, 9, 1, 1].map((size, index) => write(String(index), size * 2 ** 20)));
  expect(groups).toEqual([["0", "1"], ["2"], ["3"], ["4", "5"]]);
});

test("calls that would hold too many bytes are refused until others are done", async () => {
  const { write } = recording();
  const accepted = [write("a", 12 * 2 ** 20), write("b", 8 * 2 ** 20)];
  await expect(write("c", 1)).rejects.toMatchObject({ reason: "STATE_QUEUE_FULL" });
  await Promise.all(accepted);
  expect(await write("d", 20 * 2 ** 20)).toBe("d");
});

test("others have their turn between the groups of a backlog", async () => {
  const { write, groups } = recording();
  const turns: number[] = [];
  let waiting = true;
  const takeTurn = (): void => {
    turns.push(groups.length);
    if (waiting) setImmediate(takeTurn);
  };
  setImmediate(takeTurn);
  await Promise.all(Array.from({ length: 600 }, (_, index) => write(String(index))));
  waiting = false;
  expect([...new Set(turns)]).toEqual(expect.arrayContaining([1, 2, 3]));
});

test("a failed commit fails exactly the calls of its group", async () => {
  const { write } = recording({ failCommit: (group) => group === 0 });
  const failed = [write("a"), write("b")];
  const outcomes = Promise.allSettled(failed);
  await new Promise((resolve) => setTimeout(resolve, 1));
  const later = write("c");
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
  }
  expect(await later).toBe("c");
});

test("a plan that throws fails its own call and no other", async () => {
  const { commits, groups, write } = recording();
  const refused = commits.run(() => {
    throw new BanditError("resource_exhausted", "no", { reason: "TOO_MANY_OUTCOMES" });
  });
  const others = Promise.all([write("a"), write("b")]);
  await expect(refused).rejects.toMatchObject({ reason: "TOO_MANY_OUTCOMES" });
  expect(await others).toEqual(["a", "b"]);
  expect(groups).toEqual([["a", "b"]]);
});

test("closing waits for what was called before and refuses what comes after", async () => {
  const { commits, write } = recording();
  let done = false;
  const before = write("a").then(() => {
    done = true;
  });
  await commits.close();
  expect(done).toBe(true);
  await before;
  await expect(write("b")).rejects.toMatchObject({ code: "unavailable" });
});
