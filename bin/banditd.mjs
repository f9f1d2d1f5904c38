#!/usr/bin/env node
// Starts the command line under a Node that runs TypeScript as it is: this one if it is new enough,
// otherwise the Node 24 that `npm ci` has put into node_modules. Plain JavaScript that Node 18 can read.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import nodeModule, { createRequire } from "node:module";
import { constants, homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const nodeMajorMin = 24;
const failed = 1;

const major = Number(process.versions.node.split(".")[0]);
if (major >= nodeMajorMin) {
  silenceExperimentalWarnings();
  keepCompiledCode();
  if (process.env.BANDITD_LAUNCHED === "1") endWithLauncher();
  const { main } = await import("../src/cli/main.ts");
  await main(process.argv);
} else {
  runUnder(shippedNode());
}

/** Path of the Node that comes as an optional dependency; undefined when there is none for this machine. */
function shippedNode() {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    return join(dirname(manifest), "bin", "node");
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** Runs the same command line under another Node and ends as it ends. */
function runUnder(node) {
  if (node === undefined) {
    process.stderr.write(
      `banditd needs Node ${nodeMajorMin} or later; this is Node ${process.versions.node} ` +
        `on ${process.platform}-${process.arch}.\n` +
        "On Linux (x64, arm64) `npm ci` brings a fitting Node along, unless optional packages are left out " +
        "(--omit=optional).\nElsewhere install Node 24 and run the same command again.\n",
    );
    process.exit(failed);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, BANDITD_LAUNCHED: "1" },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => {
    process.stderr.write(`banditd could not start ${node}: ${error.message}\n`);
    process.exit(failed);
  });
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + constants.signals[signal]);
  });
}

/** The launcher may be killed without a chance to pass the signal on; the channel to it closes all the same. */
function endWithLauncher() {
  delete process.env.BANDITD_LAUNCHED;
  process.channel?.unref();
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
}

/**
 * Keeps compiled code in the user's cache directory, or where NODE_COMPILE_CACHE says: a command starts in half of the
 * time. Without a directory that can be written everything is compiled anew.
 */
function keepCompiledCode() {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return; // Node does it by itself
  try {
    const directory = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "banditd");
    // Node makes missing directories too, but tries for ever where making one fails without a reason, as in /proc.
    for (const path of [dirname(directory), directory]) if (!existsSync(path)) mkdirSync(path);
    nodeModule.enableCompileCache(directory);
    // The threads and the process of the embedded engines take it from here.
    process.env.NODE_COMPILE_CACHE = directory;
  } catch (error) {
    if (error.code === undefined) throw error;
  }
}

/** Running TypeScript directly is intended here; a warning about it would only worry people. */
function silenceExperimentalWarnings() {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === "string" ? rest[0] : rest[0]?.type;
    if (type !== "ExperimentalWarning") emitWarning.call(process, warning, ...rest);
  };
}
