import { afterEach, beforeEach, expect, test } from "vitest";
import { GroupCommit } from "../../../../src/adapters/sqlite/group-commit.ts";
import { SqliteFile } from "../../../../src/adapters/sqlite/sqlite-file.ts";
import { BanditError } from "../../../../src/domain/errors.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

let directory: string;
let file: SqliteFile;

beforeEach(() => {
  directory = temporaryDirectory();
  file = SqliteFile.open({
    directory,
    name: "groups.sqlite",
    // A name that is no parent's is found when the transaction is committed.
    schema: `CREATE TABLE parent (name TEXT PRIMARY KEY) STRICT;
      CREATE TABLE child (name TEXT REFERENCES parent DEFERRABLE INITIALLY DEFERRED) STRICT;`,
    logBytesMax: 2 ** 20,
  });
});
afterEach(async () => {
  await file.close();
});

/** Groups as they were begun; those that came to be committed. */
function recording() {
  const groups: string[][] = [];
  const committed: string[][] = [];
  const insert = file.prepare("INSERT INTO parent VALUES (?)");
  const orphan = file.prepare("INSERT INTO child VALUES (?)");
  const commits = new GroupCommit({
    file,
    openGroup: () => {
      const names: string[] = [];
      groups.push(names);
      return {
        names,
        finish: () => names.includes("orphan") && orphan.run("nobody's"),
        committed: () => committed.push(names),
      };
    },
    isFlushed: true,
    translate: (error) => new BanditError("unavailable", "no", { reason: "TEST", cause: error }),
    callsMax: 2000,
    bytesMax: 20 * 2 ** 20,
  });
  const write = (name: string, bytes?: number) =>
    commits.run((group) => {
      insert.run(name);
      group.names.push(name);
      return name;
    }, bytes);
  return { groups, committed, commits, write };
}

function stored(): unknown[] {
  return file
    .prepare("SELECT name FROM parent ORDER BY rowid")
    .all()
    .map((row) => row["name"]);
}

test("calls of one turn share a transaction, and so do those that come while the disk is waited for", async () => {
  const { groups, committed, write } = recording();
  const first = [write("a"), write("b")];
  while (committed.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const second = [write("c"), write("d")];
  expect(await Promise.all([...first, ...second])).toEqual(["a", "b", "c", "d"]);
  expect(groups).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
  expect(stored()).toEqual(["a", "b", "c", "d"]);
});

test("a large backlog is taken in groups of at most 200, in order, and others have their turn in between", async () => {
  const { groups, write } = recording();
  const turns = new Set<number>();
  let waiting = true;
  const takeTurn = (): void => {
    turns.add(groups.length);
    if (waiting) setImmediate(takeTurn);
  };
  setImmediate(takeTurn);
  const names = Array.from({ length: 500 }, (_, index) => String(index));
  await Promise.all(names.map((name) => write(name)));
  waiting = false;
  expect(groups.map((group) => group.length)).toEqual([200, 200, 100]);
  expect(groups.flat()).toEqual(names);
  expect([...turns]).toEqual(expect.arrayContaining([1, 2]));
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

test("a commit or a statement that fails fails exactly the calls of its group, of which nothing is stored", async () => {
  const { committed, write } = recording();
  for (const bad of ["orphan", "twice"]) {
    const calls = [write(`${bad} before`), write(bad), write("after")];
    if (bad === "twice") calls.push(write("twice"), write("never begun"));
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { reason: "TEST" } });
    }
  }
  expect(await write("later")).toBe("later");
  expect(committed).toEqual([["later"]]);
  expect(stored()).toEqual(["later"]);
});

test("a call that throws an error of ours fails by itself and no other", async () => {
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
  const { commits, committed, write } = recording();
  const before = write("a");
  await commits.close();
  expect(committed).toEqual([["a"]]);
  await before;
  await expect(write("b")).rejects.toMatchObject({ code: "unavailable" });
});
