import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/telemetry.ts";

export interface SnapshotFileOptions {
  readonly path: string;
  /** What is in it, e.g. `banditd-catalogue`. */
  readonly format: string;
  /** Of the lines' form; a file of another version is not read. */
  readonly version: number;
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Header {
  readonly format: string;
  readonly version: number;
  readonly savedAtMs: number;
}

/** Written at once; the event loop has its turn after each. About 0.2 ms of work. */
const pieceChars = 64 * 1024;
/** A temporary file this old was left behind by a process that has died. */
const abandonedAfterMs = 600_000;

let drafts = 0;

/**
 * A file that is replaced whole or not at all, and that says itself whether it is whole: a line with format
 * and version, lines of content, a line with the SHA-256 of everything before it. Several processes may write
 * the same one; the last wins. Readable by its owner only.
 */
export class SnapshotFile {
  readonly #options: SnapshotFileOptions;
  #hasTidied = false;

  constructor(options: SnapshotFileOptions) {
    this.#options = options;
  }

  /** @param lines without line breaks. @throws BanditError SNAPSHOT_TOO_LARGE, SNAPSHOT_NOT_WRITTEN; then the old file is still there. */
  async write(lines: Iterable<string>): Promise<void> {
    const { path } = this.#options;
    drafts += 1;
    const draft = `${path}.${process.pid}-${drafts}.tmp`;
    try {
      await this.#tidy();
      const file = await open(draft, "wx", 0o600);
      try {
        await this.#writeLines(file, lines);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, path);
      await syncDirectory(dirname(path));
    } catch (error) {
      await rm(draft, { force: true }).catch((leftover: unknown) => {
        this.#options.logger.warn("a temporary file could not be removed", {
          draft,
          error: leftover,
        });
      });
      if (error instanceof BanditError) throw error;
      throw new BanditError("unavailable", `the snapshot ${path} could not be written`, {
        reason: "SNAPSHOT_NOT_WRITTEN",
        cause: error,
      });
    }
  }

  /** The lines of content; undefined when there is no such file or it cannot be used, which the log then says. */
  async read(): Promise<{ savedAtMs: number; lines: readonly string[] } | undefined> {
    const { path, logger } = this.#options;
    try {
      return this.#parse(await this.#readText());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      logger.warn("a snapshot cannot be used and is ignored", { path, error });
      return undefined;
    }
  }

  async #writeLines(file: FileHandle, lines: Iterable<string>): Promise<void> {
    const { format, version, bytesMax, clock, path } = this.#options;
    const hash = createHash("sha256");
    const header: Header = { format, version, savedAtMs: clock.nowMs() };
    let bytes = 0;
    let piece = `${JSON.stringify(header)}\n`;
    const flush = async (): Promise<void> => {
      const content = Buffer.from(piece);
      piece = "";
      hash.update(content);
      bytes += content.length;
      if (bytes > bytesMax) {
        throw new BanditError(
          "resource_exhausted",
          `the snapshot ${path} would be larger than ${bytesMax} bytes and is not written`,
          { reason: "SNAPSHOT_TOO_LARGE" },
        );
      }
      await file.writeFile(content);
    };
    for (const line of lines) {
      piece += `${line}\n`;
      if (piece.length >= pieceChars) await flush();
    }
    await flush();
    await file.writeFile(`${JSON.stringify({ sha256: hash.digest("hex") })}\n`);
  }

  async #readText(): Promise<string> {
    const { path, bytesMax } = this.#options;
    const { size } = await stat(path);
    if (size > 2 * bytesMax) throw new Error(`it has ${size} bytes`);
    return readFile(path, "utf8");
  }

  #parse(text: string): { savedAtMs: number; lines: readonly string[] } {
    const { format, version } = this.#options;
    const lastLineAt = text.lastIndexOf("\n", text.length - 2) + 1;
    const content = text.slice(0, lastLineAt);
    const sha256 = createHash("sha256").update(content).digest("hex");
    if (text.slice(lastLineAt) !== `${JSON.stringify({ sha256 })}\n`) {
      throw new Error("it is damaged or cut off");
    }
    const [first = "", ...lines] = content.slice(0, -1).split("\n");
    const header = JSON.parse(first) as Header;
    if (header.format !== format || header.version !== version) {
      throw new Error(
        `it is ${header.format} version ${header.version}, and ${format} version ${version} is read here`,
      );
    }
    return { savedAtMs: header.savedAtMs, lines };
  }

  /** Removes temporary files that nobody writes any more. Once is enough for each process. */
  async #tidy(): Promise<void> {
    if (this.#hasTidied) return;
    this.#hasTidied = true;
    const { path, clock } = this.#options;
    for (const name of await readdir(dirname(path))) {
      if (!name.startsWith(`${basename(path)}.`) || !name.endsWith(".tmp")) continue;
      const left = join(dirname(path), name);
      // Another process may tidy too, or have finished its file meanwhile.
      const modifiedAtMs = await stat(left).then(
        ({ mtimeMs }) => mtimeMs,
        () => undefined,
      );
      if (modifiedAtMs === undefined || clock.nowMs() - modifiedAtMs < abandonedAfterMs) continue;
      await rm(left, { force: true });
    }
  }
}

/** A renamed file is durable when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
