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
  });
  const write = (name: string) =>
    commits.run((batch) => {
      batch.names.push(name);
      return name;
    });
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

test("a large backlog is taken in groups of at most 500, in order", async () => {
  const { groups, write } = recording();
  const names = Array.from({ length: 1200 }, (_, index) => String(index));
  await Promise.all(names.map(write));
  expect(groups.map((group) => group.length)).toEqual([500, 500, 200]);
  expect(groups.flat()).toEqual(names);
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
