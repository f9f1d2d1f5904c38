import type { DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import { attempt, problemIn } from "../app/json-problem.ts";
import { type Policy, PolicyRecordSchema, PolicySchema } from "../client/index.ts";
import { badInput } from "./exit-code.ts";

/**
 * A policy from JSON: a bandit.v1.Policy, or a record as `policy show --json` prints it.
 * @param name of the file, for messages
 * @throws CliError usage that names the field
 */
export function policyFromJson(content: JsonValue, name: string): Policy {
  const isRecord = typeof content === "object" && content !== null && "policy" in content;
  if (!isRecord) return decoded(PolicySchema, content, { name, path: "policy" });
  const { policy } = decoded(PolicyRecordSchema, content, { name, path: "" });
  if (policy !== undefined) return policy;
  throw badInput(`${name} is not a policy: its policy is null`);
}

function decoded<Schema extends DescMessage>(
  schema: Schema,
  content: JsonValue,
  { name, path }: { readonly name: string; readonly path: string },
) {
  const message = attempt(schema, content);
  if (message !== undefined) return message as MessageShape<Schema>;
  const { field, description } = problemIn(schema, content, path);
  const place = field === "" ? "" : `${field}: `;
  throw badInput(`${name} is not a policy: ${place}${description}`);
}
