import { invariant } from "../../domain/errors.ts";
import { type AgentType, parseAgentType, parseCodeType, parseVariantId } from "../../domain/ids.ts";
import type { Mode, PolicyRecord } from "../../domain/policy.ts";
import type { JsonValue, Variant, VariantAuthor, VariantStatus } from "../../domain/variant.ts";
import type { AgentTypeRecord } from "../../ports/catalogue.ts";
import type { SqlRow } from "./sql-connection.ts";
import { parseStoredPolicy } from "./stored-policy.ts";

// Both drivers give int8 and timestamps in forms of their own, so they are asked for as float8, which
// is exact for whole milliseconds and for revisions up to 2^53.
const msOf = (column: string): string =>
  `round(extract(epoch FROM ${column}) * 1000)::float8 AS ${column}_ms`;

export const agentTypeColumns = `agent_type, description, mode, ${msOf("created_at")},
  round(extract(epoch FROM greatest(mode_since, (SELECT service_setting.mode_since FROM service_setting)))
        * 1000)::float8 AS mode_since_ms`;
export const policyColumns = `agent_type, code_type, policy, etag::text AS etag, forgetting_position,
  ${msOf("forgetting_since")}, ${msOf("features_since")}, ${msOf("updated_at")}`;
export const variantColumns = `id, agent_type, name, version, status, is_baseline, description,
  prompt_template, model, temperature, top_p, max_tokens, parameters, created_by, parent_id,
  etag::text AS etag, ${msOf("created_at")}, ${msOf("updated_at")}`;

export function agentTypeOfRow(row: SqlRow): AgentTypeRecord {
  return {
    agentType: agentTypeNameOf(row),
    description: text(row, "description"),
    mode: modeOf(row),
    modeSinceMs: number(row, "mode_since_ms"),
    createdAtMs: number(row, "created_at_ms"),
  };
}

export function policyOfRow(row: SqlRow): PolicyRecord {
  const codeType = text(row, "code_type");
  return {
    agentType: agentTypeNameOf(row),
    ...(codeType === "" ? {} : { codeType: parseCodeType(codeType) }),
    policy: parseStoredPolicy(row["policy"]),
    forgetting: {
      sinceMs: number(row, "forgetting_since_ms"),
      position: number(row, "forgetting_position"),
    },
    featuresSinceMs: number(row, "features_since_ms"),
    updatedAtMs: number(row, "updated_at_ms"),
    etag: text(row, "etag"),
  };
}

export function variantOfRow(row: SqlRow): Variant {
  const optional = {
    temperature: row["temperature"],
    topP: row["top_p"],
    maxTokens: row["max_tokens"],
  };
  const present = Object.entries(optional).filter(([, value]) => value !== null);
  const parentId = row["parent_id"];
  return {
    id: parseVariantId(text(row, "id")),
    agentType: agentTypeNameOf(row),
    name: text(row, "name"),
    version: number(row, "version"),
    status: text(row, "status") as VariantStatus, // checked by the table
    isBaseline: row["is_baseline"] === true,
    description: text(row, "description"),
    promptTemplate: text(row, "prompt_template"),
    model: text(row, "model"),
    ...Object.fromEntries(present.map(([name, value]) => [name, Number(value)])),
    parameters: row["parameters"] as { readonly [key: string]: JsonValue }, // an object by the table's check
    createdBy: text(row, "created_by") as VariantAuthor, // checked by the table
    ...(typeof parentId === "string" ? { parentId: parseVariantId(parentId) } : {}),
    createdAtMs: number(row, "created_at_ms"),
    updatedAtMs: number(row, "updated_at_ms"),
    etag: text(row, "etag"),
  };
}

/** The column `mode`; which values it can have is checked by the table. */
export function modeOf(row: SqlRow): Mode {
  return text(row, "mode") as Mode;
}

/** The column `revision`, asked for as float8. */
export function revisionOf(row: SqlRow | undefined): number {
  invariant(row !== undefined, "service_setting has its one row");
  return number(row, "revision");
}

function agentTypeNameOf(row: SqlRow): AgentType {
  return parseAgentType(text(row, "agent_type"));
}

function text(row: SqlRow, column: string): string {
  const value = row[column];
  invariant(typeof value === "string", `column ${column} is text`);
  return value;
}

function number(row: SqlRow, column: string): number {
  const value = row[column];
  invariant(typeof value === "number", `column ${column} is a number`);
  return value;
}
