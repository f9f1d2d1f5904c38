import type { DecisionSource as DomainDecisionSource } from "../../domain/decision.ts";
import { invariant } from "../../domain/errors.ts";
import type { OutcomeStatus as DomainOutcomeStatus, OutcomeContent } from "../../domain/outcome.ts";
import type { Mode as DomainMode } from "../../domain/policy.ts";
import type {
  VariantAuthor as DomainVariantAuthor,
  VariantStatus as DomainVariantStatus,
} from "../../domain/variant.ts";
import { DecisionSource, RecordGenerationStatus } from "../../gen/bandit/v1/decision_service_pb.ts";
import { OutcomeStatus, UserActionKind } from "../../gen/bandit/v1/outcome_pb.ts";
import { Mode } from "../../gen/bandit/v1/policy_pb.ts";
import { VariantAuthor, VariantStatus } from "../../gen/bandit/v1/variant_pb.ts";
import type { RecordResult } from "../../service/api/decisions.ts";

type UserAction = Extract<OutcomeContent, { source: "user_action" }>["action"];

// Towards the wire: a record over our values, which does not compile when one is missing.

export const decisionSourceToProto: Record<DomainDecisionSource, DecisionSource> = {
  exploit: DecisionSource.EXPLOIT,
  explore: DecisionSource.EXPLORE,
  experiment: DecisionSource.EXPERIMENT,
  holdout: DecisionSource.HOLDOUT,
  static: DecisionSource.STATIC,
  fallback: DecisionSource.FALLBACK,
};

export const recordStatusToProto: Record<RecordResult["status"], RecordGenerationStatus> = {
  recorded: RecordGenerationStatus.RECORDED,
  duplicate: RecordGenerationStatus.DUPLICATE,
  late: RecordGenerationStatus.LATE,
  spooled: RecordGenerationStatus.SPOOLED,
};

export const outcomeStatusToProto: Record<DomainOutcomeStatus, OutcomeStatus> = {
  applied: OutcomeStatus.APPLIED,
  replaced: OutcomeStatus.REPLACED,
  superseded: OutcomeStatus.SUPERSEDED,
  duplicate: OutcomeStatus.DUPLICATE,
  late: OutcomeStatus.LATE,
  not_learned: OutcomeStatus.NOT_LEARNED,
  spooled: OutcomeStatus.SPOOLED,
};

export const modeToProto: Record<DomainMode, Mode> = {
  learning: Mode.LEARNING,
  frozen: Mode.FROZEN,
  static: Mode.STATIC,
};

export const variantStatusToProto: Record<DomainVariantStatus, VariantStatus> = {
  draft: VariantStatus.DRAFT,
  candidate: VariantStatus.CANDIDATE,
  active: VariantStatus.ACTIVE,
  retired: VariantStatus.RETIRED,
};

export const variantAuthorToProto: Record<DomainVariantAuthor, VariantAuthor> = {
  human: VariantAuthor.HUMAN,
  llm_optimized: VariantAuthor.LLM_OPTIMIZED,
};

const userActionToProto: Record<UserAction, UserActionKind> = {
  accepted: UserActionKind.ACCEPTED,
  edited: UserActionKind.EDITED,
  deleted: UserActionKind.DELETED,
};

// From the wire: the same records; the contract's rules refuse what is in none.

function fromProto<Value extends string, Proto>(toProto: Record<Value, Proto>) {
  const values = new Map(Object.entries(toProto).map(([value, proto]) => [proto, value as Value]));
  return (proto: Proto): Value => {
    const value = values.get(proto);
    invariant(value !== undefined, "an enum value that validation should have refused");
    return value;
  };
}

export const modeFromProto = fromProto(modeToProto);
export const variantStatusFromProto = fromProto(variantStatusToProto);
export const userActionFromProto = fromProto(userActionToProto);

/** Text of the event log → enum; UNSPECIFIED for a word that this version does not know. */
export function decisionSourceOfText(text: string): DecisionSource {
  return (
    (decisionSourceToProto as Readonly<Record<string, DecisionSource>>)[text] ??
    DecisionSource.UNSPECIFIED
  );
}

/** Text of the event log → enum; UNSPECIFIED for a word that this version does not know. */
export function modeOfText(text: string): Mode {
  return (modeToProto as Readonly<Record<string, Mode>>)[text] ?? Mode.UNSPECIFIED;
}
