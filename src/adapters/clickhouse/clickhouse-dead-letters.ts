import type { ClickHouseClient } from "@clickhouse/client";
import { invariant } from "../../domain/errors.ts";
import type {
  DeadLetter,
  DeadLetterKind,
  DeadLetterStore,
  DeadLetterSummary,
} from "../../ports/dead-letters.ts";
import { unavailable, withoutRows } from "./clickhouse-errors.ts";
import { readRows } from "./read-rows.ts";

export interface ClickHouseDeadLettersOptions {
  /** The event log's, which closes it. */
  readonly client: ClickHouseClient;
  readonly requestTimeoutMs: number;
}

const listMax = 1_001;
/** Ids in the text of one statement. */
const idsMax = 1_000;
/** Letters of one insert; a content may have a mebibyte. */
const insertBytesMax = 8 * 2 ** 20;
const idPattern = /^[0-9a-f]{32}$/;

/** What `failed_at` is read as. */
const failedAtMs = "toUnixTimestamp64Milli(failed_at) AS failedAtMs";

interface Version {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly attempts: number;
}

/**
 * {@link DeadLetterStore} in the table `dead_letters`. A change is a new version of the letter. The next version is
 * one more than the last, not a time: a clock that goes back would let an old status win. Two processes that
 * change one letter at the same moment leave either's status, as if they had done so one after the other.
 */
export class ClickHouseDeadLetters implements DeadLetterStore {
  readonly #options: ClickHouseDeadLettersOptions;

  constructor(options: ClickHouseDeadLettersOptions) {
    this.#options = options;
  }

  async add(letters: readonly DeadLetter[]): Promise<void> {
    for (const part of parts(letters)) await this.#add(part);
  }

  async list(options: {
    kind?: DeadLetterKind;
    limit: number;
    afterId?: string;
  }): Promise<readonly DeadLetterSummary[]> {
    invariant(options.limit >= 1 && options.limit <= listMax, `limit is 1 to ${listMax}`);
    return this.#rows<DeadLetterSummary>(
      `SELECT dead_letter_id AS id, kind, error, ${failedAtMs}, attempts, length(content) AS contentBytes
       FROM dead_letters FINAL
       WHERE status = 'dead' AND dead_letter_id > {afterId: String} AND ({kind: String} = '' OR kind = {kind: String})
       ORDER BY dead_letter_id LIMIT {limit: UInt32}`,
      { afterId: options.afterId ?? "", kind: options.kind ?? "", limit: options.limit },
    );
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    const [letter] = await this.#rows<DeadLetter>(
      `SELECT dead_letter_id AS id, kind, content, error, ${failedAtMs}, attempts
       FROM dead_letters FINAL WHERE dead_letter_id = {id: String} AND status = 'dead'`,
      { id },
    );
    return letter;
  }

  async resolve(ids: readonly string[], how: "replayed" | "dropped"): Promise<readonly string[]> {
    const dead =
      ids.length === 0
        ? []
        : await this.#rows<{ id: string }>(
            `SELECT dead_letter_id AS id FROM dead_letters FINAL
             WHERE dead_letter_id IN (${idList(ids)}) AND status = 'dead'`,
            {},
          );
    if (dead.length === 0) return [];
    const list = idList(dead.map(({ id }) => id));
    await this.#attempt(() =>
      this.#options.client.command({
        query: `
          INSERT INTO dead_letters (dead_letter_id, kind, content, error, status, failed_at, attempts, version)
          SELECT dead_letter_id, kind, content, error, {how: String}, failed_at, attempts, version + 1
          FROM dead_letters FINAL WHERE dead_letter_id IN (${list}) AND status = 'dead'`,
        query_params: { how },
        clickhouse_settings: { async_insert: 0, wait_end_of_query: 1 },
        abort_signal: AbortSignal.timeout(this.#options.requestTimeoutMs),
      }),
    );
    return dead.map(({ id }) => id);
  }

  async count(): Promise<number> {
    const [row] = await this.#rows<{ dead: number }>(
      "SELECT count() AS dead FROM dead_letters FINAL WHERE status = 'dead'",
      {},
    );
    invariant(row !== undefined, "a count is one row");
    return row.dead;
  }

  async #add(letters: readonly DeadLetter[]): Promise<void> {
    const before = new Map<string, Version>();
    const versions = await this.#rows<Version>(
      `SELECT dead_letter_id AS id, version, status, attempts FROM dead_letters FINAL
       WHERE dead_letter_id IN (${idList(letters.map(({ id }) => id))})`,
      {},
    );
    for (const version of versions) before.set(version.id, version);
    const values = letters.map((letter) => {
      const last = before.get(letter.id);
      return {
        dead_letter_id: letter.id,
        kind: letter.kind,
        content: letter.content.toWellFormed(),
        error: letter.error.toWellFormed(),
        status: "dead",
        failed_at: new Date(letter.failedAtMs).toISOString().replace("T", " ").replace("Z", ""),
        attempts: Math.max(letter.attempts, last?.status === "dead" ? last.attempts : 0),
        version: (last?.version ?? 0) + 1,
      };
    });
    await this.#attempt(() =>
      this.#options.client.insert({
        table: "dead_letters",
        values,
        format: "JSONEachRow",
        clickhouse_settings: { async_insert: 0, wait_end_of_query: 1 },
        abort_signal: AbortSignal.timeout(this.#options.requestTimeoutMs),
      }),
    );
  }

  async #rows<Row>(query: string, parameters: Record<string, unknown>): Promise<readonly Row[]> {
    return this.#attempt(() => readRows<Row>(this.#options, query, parameters));
  }

  async #attempt<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw unavailable(withoutRows(error));
    }
  }
}

/** Each letter once, the last one given, in inserts of a bounded size. */
function* parts(letters: readonly DeadLetter[]): Generator<readonly DeadLetter[]> {
  let part: DeadLetter[] = [];
  let bytes = 0;
  for (const letter of new Map(letters.map((each) => [each.id, each])).values()) {
    const more = Buffer.byteLength(letter.content);
    if (part.length === idsMax || (part.length > 0 && bytes + more > insertBytesMax)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(letter);
    bytes += more;
  }
  if (part.length > 0) yield part;
}

/** In the text of the statement: a parameter travels in the address, where a thousand of them would not fit. */
function idList(ids: readonly string[]): string {
  invariant(ids.length <= idsMax, `at most ${idsMax} ids`);
  invariant(
    ids.every((id) => idPattern.test(id)),
    "an id is 32 hexadecimal digits",
  );
  return ids.map((id) => `'${id}'`).join(", ");
}
