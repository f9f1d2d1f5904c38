import { execFileSync, spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** The servers that the tests and benches run against. They find them here and nowhere else. */
export type EngineName = "redis-server" | "postgres";

export interface Engine {
  readonly name: EngineName;
  /** The program, symbolic links resolved. */
  readonly path: string;
  /** Where it lies; `initdb` is beside `postgres`. */
  readonly directory: string;
  /** e.g. `7.0.15`. */
  readonly version: string;
  readonly majorVersion: number;
}

const majorVersionMin: Readonly<Record<EngineName, number>> = { "redis-server": 7, postgres: 15 };

/** The newest installed one, whatever its version; undefined when there is none. */
export function findEngine(name: EngineName): Engine | undefined {
  const engines = searchDirectories()
    .filter((directory) => isComplete(name, directory))
    .map((directory) => describeEngine(name, join(directory, name)))
    .filter((engine) => engine !== undefined);
  return engines.sort((a, b) => b.majorVersion - a.majorVersion)[0];
}

/** The program of {@link findEngine}. @throws Error saying what to install when it is missing or too old */
export function requireEngine(name: EngineName): Engine {
  const engine = findEngine(name);
  if (engine === undefined || engine.majorVersion < majorVersionMin[name]) {
    throw new Error(installHint([name]));
  }
  return engine;
}

/** Installs what is missing where that is possible. @returns true when both engines can be used */
export function ensureEngines(): boolean {
  if (unusableEngines().length > 0 && canInstall()) installDebianPackages();
  const unusable = unusableEngines();
  if (unusable.length === 0) return true;
  console.error(installHint(unusable));
  return false;
}

function unusableEngines(): EngineName[] {
  return (Object.keys(majorVersionMin) as EngineName[]).filter((name) => {
    const engine = findEngine(name);
    return engine === undefined || engine.majorVersion < majorVersionMin[name];
  });
}

function searchDirectories(): string[] {
  const fixed = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/opt/homebrew/bin"];
  return [
    ...(process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== ""),
    ...fixed,
    ...subdirectories("/usr/lib/postgresql").map((directory) => join(directory, "bin")),
    ...["/opt/homebrew/opt", "/usr/local/opt"]
      .flatMap(subdirectories)
      .filter((directory) => /\/(postgresql(@\d+)?|redis)$/.test(directory))
      .map((directory) => join(directory, "bin")),
    ...subdirectories("/Applications/Postgres.app/Contents/Versions").map((directory) =>
      join(directory, "bin"),
    ),
  ];
}

function subdirectories(parent: string): string[] {
  return existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : [];
}

function isComplete(name: EngineName, directory: string): boolean {
  if (!isExecutable(join(directory, name))) return false;
  if (name === "redis-server") return true;
  return isExecutable(join(dirname(realpathSync(join(directory, name))), "initdb"));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // absent or not ours to run: either way not a candidate
  }
}

function describeEngine(name: EngineName, path: string): Engine | undefined {
  const answer = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 10_000 });
  const version = /(?:v=|\(PostgreSQL\) )(\d+(?:\.\d+)*)/.exec(answer.stdout ?? "")?.[1];
  if (version === undefined) return undefined;
  // Postgres finds its own files beside its real place; redis-server may be a link to a program that
  // looks at the name it was called by.
  const called = name === "postgres" ? realpathSync(path) : path;
  const majorVersion = Number.parseInt(version, 10);
  return { name, path: called, directory: dirname(called), version, majorVersion };
}

function canInstall(): boolean {
  return (
    process.getuid?.() === 0 && ["ID=debian", "ID=ubuntu"].some((id) => osRelease().includes(id))
  );
}

function osRelease(): string[] {
  const path = "/etc/os-release";
  return existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
}

/** Debian starts a server with each of these packages; nothing may run but what the tests start. */
function installDebianPackages(): void {
  console.log(`Installing the engines that the tests need: ${unusableEngines().join(", ")}`);
  const servicePolicy = "/usr/sbin/policy-rc.d";
  const ownPolicy = !existsSync(servicePolicy);
  if (ownPolicy) writeFileSync(servicePolicy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const clusterSettings = "/etc/postgresql-common/createcluster.conf";
  let settingsBefore: string | undefined;
  try {
    apt("update");
    aptInstall("redis-server", "postgresql-common");
    settingsBefore = readFileSync(clusterSettings, "utf8");
    writeFileSync(clusterSettings, `${settingsBefore}\ncreate_main_cluster = false\n`);
    aptInstall("postgresql");
  } catch (error) {
    console.error(`apt-get failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    if (settingsBefore !== undefined) writeFileSync(clusterSettings, settingsBefore);
    if (ownPolicy) rmSync(servicePolicy, { force: true });
  }
}

function aptInstall(...packages: string[]): void {
  apt("install", "-y", "--no-install-recommends", ...packages);
}

function apt(...args: string[]): void {
  const options = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
  execFileSync("apt-get", [...options, ...args], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: 900_000,
  });
}

function installHint(names: readonly EngineName[]): string {
  const found = names.map((name) => {
    const engine = findEngine(name);
    const state = engine === undefined ? "not found" : `${engine.version} at ${engine.path}`;
    return `  ${name} ${majorVersionMin[name]} or newer: ${state}`;
  });
  return [
    "These engines are needed and missing or too old:",
    ...found,
    "Debian 12+ or Ubuntu 24.04+:  sudo apt-get install -y --no-install-recommends redis-server postgresql",
    "macOS (Homebrew):             brew install redis postgresql@17",
    "They need not run: the tests start their own on free ports with temporary data.",
  ].join("\n");
}

const startedDirectly = import.meta.url === pathToFileURL(process.argv[1] ?? "").href;
if (startedDirectly) {
  if (!ensureEngines()) process.exit(2);
  for (const name of Object.keys(majorVersionMin) as EngineName[]) {
    const engine = requireEngine(name);
    console.log(`${engine.name} ${engine.version} ${engine.path}`);
  }
}
