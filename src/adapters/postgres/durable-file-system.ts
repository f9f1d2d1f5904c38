import { fsyncSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";

/** The part of the WebAssembly module that is reached into. */
interface FileSystemModule {
  readonly NODEFS: {
    readonly stream_ops: Record<string, (stream: { readonly nfd: number }) => number>;
  };
}

/**
 * PGlite's files on the real file system, with an fsync that does what it says. The stock NodeFS has
 * none and PGlite starts with `fsync=off`: a commit then survives the end of the process, but not a
 * loss of power. Measured: 0.4 ms more per commit.
 */
export class DurableFileSystem extends NodeFS {
  override async init(
    pglite: PGlite,
    options: Parameters<NodeFS["init"]>[1],
  ): ReturnType<NodeFS["init"]> {
    const settings = await super.init(pglite, options);
    const addSync = (module: unknown): void => {
      (module as FileSystemModule).NODEFS.stream_ops["fsync"] = (stream) => {
        fsyncSync(stream.nfd);
        return 0;
      };
    };
    const { emscriptenOpts } = settings;
    return {
      emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), addSync] },
    };
  }
}

/** What makes Postgres use it. `fdatasync`, its default on Linux, is a no-op in the WebAssembly runtime. */
export function durableStartParams(defaults: readonly string[]): string[] {
  return [...defaults.filter((param) => param !== "-F"), "-c", "wal_sync_method=fsync"];
}

/** Flushes every file under the directory; the way in which PGlite creates a cluster does not. */
export async function syncDirectory(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await syncDirectory(path);
    else if (entry.isFile()) await syncFile(path);
  }
  await syncFile(directory);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
