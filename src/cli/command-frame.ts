import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import type { Command } from "commander";
import type { BanditClient } from "../client/index.ts";
import { CliError, exitCodes } from "./exit-code.ts";
import { addConnectionOptions, type ConnectionOptions, withService } from "./service-connection.ts";
import type { Terminal } from "./terminal.ts";

export interface PrintOptions {
  readonly json?: true;
}

/** What a command that asks a service is told by {@link addAnswerOptions}. */
export interface AnswerOptions extends ConnectionOptions, PrintOptions {}

/** How a command shows its result. */
export interface Shown<Value> {
  readonly json: (value: Value) => unknown;
  /** For people; ends with a line break. */
  readonly text: (value: Value) => string;
  /** Why the command did not succeed, though it printed a result; undefined when it did. */
  readonly failure?: (value: Value) => string | undefined;
}

/** Adds `--json`, `--address` and `--data-dir`. @param what is printed as JSON, e.g. `the contract's Allocation` */
export function addAnswerOptions(command: Command, what = ""): Command {
  const description = what === "" ? "print JSON" : `print JSON: ${what}`;
  return addConnectionOptions(command.option("--json", description));
}

/** Asks the service that the options name, and prints the answer. @throws CliError failed, as `failure` says */
export async function answer<Value>(
  terminal: Terminal,
  options: AnswerOptions,
  { ask, ...shown }: Shown<Value> & { readonly ask: (client: BanditClient) => Promise<Value> },
): Promise<void> {
  print(terminal, options, await withService(options, terminal, ask), shown);
}

/** Prints the value as JSON, one indented document, or as text. @throws CliError failed, as `failure` says */
export function print<Value>(
  terminal: Terminal,
  { json }: PrintOptions,
  value: Value,
  shown: Shown<Value>,
): void {
  terminal.out(json ? `${JSON.stringify(shown.json(value), undefined, 2)}\n` : shown.text(value));
  const failure = shown.failure?.(value);
  if (failure !== undefined) throw new CliError(exitCodes.failed, failure);
}

/** A message of the contract as JSON, with the names of the proto and every field that has a value. */
export function messageJson<Schema extends DescMessage>(
  schema: Schema,
): (message: MessageShape<Schema>) => JsonValue {
  return (message) =>
    toJson(schema, message, { alwaysEmitImplicit: true, useProtoFieldName: true });
}

/** What the contract says an answer always holds. @throws CliError failed when a service has left it out */
export function required<Part>(part: Part | undefined, name: string): Part {
  if (part !== undefined) return part;
  throw new CliError(exitCodes.failed, `the service answered without ${name}`);
}
