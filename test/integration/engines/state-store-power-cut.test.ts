import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { stateFileName } from "../../../src/adapters/sqlite/sqlite-state-store.ts";
import type { GenerationId } from "../../../src/domain/ids.ts";
import { drain, rowsOf, totalsOf } from "../../conformance/state-store-harness.ts";
import { startProgram } from "../../support/program.ts";
import { contributionInput, decisionInput, sampleArm } from "../../support/state-samples.ts";
import { openSqliteState } from "../../support/state-stores.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

const live = (): string => join(directory, "live");
const logName = `${stateFileName}-wal`;

interface Row {
  readonly seq: number;
  readonly generation_id: GenerationId;
}

/** What a copy of file and log holds, once it has been found to be what was written up to some moment. */
async function readPrefix(copy: string): Promise<{ decisions: Row[]; outcomes: Row[] }> {
  const store = await openSqliteState(copy);
  try {
    const totals = await totalsOf(store, sampleArm);
    const entries = await drain(store, 10_000);
    const rows = (stream: string): Row[] =>
      rowsOf(entries.filter((entry) => entry.stream === stream)).map((row) => JSON.parse(row));
    const [decisions, outcomes] = [rows("decisions"), rows("outcomes")];
    for (const some of [decisions, outcomes]) {
      const first = some[0]?.seq ?? 0;
      expect(some.map(({ seq }) => seq)).toEqual(some.map((_, index) => first + index));
    }
    for (const { generation_id: id } of decisions) {
      expect(await store.findDecision(id)).toBeDefined();
    }
    // Each outcome counts once; nothing of one that came later does.
    expect(totals?.totals.generations ?? 0).toBe(outcomes.at(-1)?.seq ?? 0);
    expect(totals?.version ?? 0).toBe(outcomes.at(-1)?.seq ?? 0);
    return { decisions, outcomes };
  } finally {
    await store.close();
  }
}

/** Changes each time that the log begins anew. */
function saltOf(log: string): string {
  const file = openSync(log, "r");
  const salt = Buffer.alloc(8);
  readSync(file, salt, 0, 8, 16);
  closeSync(file);
  return salt.toString("hex");
}

/** The file first, then its log, as they are while they are written. */
function copyInMidWrite(to: string): void {
  mkdirSync(to);
  const log = join(live(), logName);
  for (;;) {
    const salt = saltOf(log);
    copyFileSync(join(live(), stateFileName), join(to, stateFileName));
    copyFileSync(log, join(to, logName));
    // Of a log that has begun anew in between the file lacks what was before: a power cut is one moment.
    if (saltOf(log) === salt) return;
  }
}

test("file and log copied in mid-write open, and hold what was written up to some moment, in its order, and nothing else", async () => {
  const writer = startProgram("state-writer", [live(), "drain"]);
  const acknowledged: GenerationId[] = [];
  const knownAtCopy: GenerationId[][] = [];
  const salts = new Set<string>();
  let copyAt = 300;
  for await (const line of writer.lines) {
    acknowledged.push(line as GenerationId);
    if (acknowledged.length < copyAt) continue;
    copyAt += 500;
    salts.add(saltOf(join(live(), logName)));
    const known = [...acknowledged];
    copyInMidWrite(join(directory, `copy-${knownAtCopy.length}`));
    if (knownAtCopy.push(known) === 8) void writer.kill();
  }
  expect(knownAtCopy.length).toBeGreaterThanOrEqual(8);
  // The log has begun anew meanwhile, so copies were made of files in every state.
  expect(salts.size).toBeGreaterThan(2);
  for (const [index, known] of knownAtCopy.entries()) {
    const { decisions, outcomes } = await readPrefix(join(directory, `copy-${index}`));
    // What was acknowledged before the copy is in it.
    const last = new Set(outcomes.map(({ generation_id: id }) => id));
    const first = outcomes[0]?.seq ?? 0;
    for (const id of known.slice(first + 64)) expect(last).toContain(id);
    expect(decisions.length).toBeGreaterThan(0);
  }
});

test("a log that is cut off anywhere, or lacks a piece in its middle, gives what was before, and nothing else", async () => {
  const store = await openSqliteState(live());
  for (let seq = 1; seq <= 60; seq += 1) {
    const input = decisionInput();
    const { generationId } = input.record;
    const row = JSON.stringify({ seq, generation_id: generationId });
    await store.recordDecision({ ...input, event: { stream: "decisions", row } });
    const event = { stream: "outcomes" as const, row };
    await store.applyContributions({ ...contributionInput({ generationId }), event });
  }
  const file = readFileSync(join(live(), stateFileName));
  const log = readFileSync(join(live(), logName));
  await store.close();
  const written: number[] = [];
  const steps = 40;
  for (let step = 0; step <= steps; step += 1) {
    const at = Math.floor((log.length * step) / steps);
    const cut = log.subarray(0, at);
    const holed = Buffer.from(log);
    holed.fill(0, at, Math.min(at + 4096, log.length));
    const counts: number[] = [];
    for (const [name, content] of Object.entries({ cut, holed })) {
      const copy = join(directory, `${name}-${step}`);
      mkdirSync(copy);
      writeFileSync(join(copy, stateFileName), file);
      writeFileSync(join(copy, logName), content);
      const { decisions, outcomes } = await readPrefix(copy);
      expect(decisions.length - outcomes.length).toBeOneOf([0, 1]);
      counts.push(decisions.length + outcomes.length);
    }
    const [ofCut = 0, ofHoled = 0] = counts;
    // What is whole after the hole does not count.
    expect(ofHoled).toBe(step === steps ? 120 : ofCut);
    written.push(ofCut);
  }
  expect(written).toEqual(written.toSorted((a, b) => a - b));
  expect(written[0]).toBe(0);
  expect(written.at(-1)).toBe(120);
  expect(new Set(written).size).toBeGreaterThan(30);
});
