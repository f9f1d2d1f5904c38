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

// From the wire: a record over the proto's values; undefined is what the contract's rules refuse.

const modes: Record<Mode, DomainMode | undefined> = {
  [Mode.UNSPECIFIED]: undefined,
  [Mode.LEARNING]: "learning",
  [Mode.FROZEN]: "frozen",
  [Mode.STATIC]: "static",
};

const variantStatuses: Record<VariantStatus, DomainVariantStatus | undefined> = {
  [VariantStatus.UNSPECIFIED]: undefined,
  [VariantStatus.DRAFT]: "draft",
  [VariantStatus.CANDIDATE]: "candidate",
  [VariantStatus.ACTIVE]: "active",
  [VariantStatus.RETIRED]: "retired",
};

const userActions: Record<UserActionKind, UserAction | undefined> = {
  [UserActionKind.UNSPECIFIED]: undefined,
  [UserActionKind.ACCEPTED]: "accepted",
  [UserActionKind.EDITED]: "edited",
  [UserActionKind.DELETED]: "deleted",
};

export const modeFromProto = (mode: Mode): DomainMode => given(modes[mode]);
export const variantStatusFromProto = (status: VariantStatus): DomainVariantStatus =>
  given(variantStatuses[status]);
export const userActionFromProto = (kind: UserActionKind): UserAction => given(userActions[kind]);

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

function given<Value>(value: Value | undefined): Value {
  invariant(value !== undefined, "an enum value that validation should have refused");
  return value;
}
