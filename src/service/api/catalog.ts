import type { AgentType, CodeType, VariantId } from "../../domain/ids.ts";
import type { Mode, Policy, PolicyRecord } from "../../domain/policy.ts";
import type { Variant, VariantContent, VariantStatus } from "../../domain/variant.ts";
import type { CallContext } from "./call-context.ts";
import type { Page, PageRequest } from "./page.ts";

/** Agent types, policies, variants and the mode, as `CatalogService` of the contract. */
export interface CatalogApi {
  createAgentType(request: NewAgentType, context: CallContext): Promise<AgentTypeView>;
  getAgentType(agentType: AgentType): Promise<AgentTypeView>;
  listAgentTypes(page: PageRequest): Promise<Page<AgentTypeView>>;
  /** The policy in force for the code type; `record.codeType` is absent where no override exists. */
  getPolicy(request: { agentType: AgentType; codeType?: CodeType }): Promise<PolicyRecord>;
  setPolicy(request: SetPolicyRequest, context: CallContext): Promise<PolicyRecord>;
  deletePolicy(
    request: { agentType: AgentType; codeType: CodeType } & Tried,
    context: CallContext,
  ): Promise<void>;
  createVariant(request: NewVariantRequest, context: CallContext): Promise<Variant>;
  getVariant(variantId: VariantId): Promise<Variant>;
  listVariants(
    request: PageRequest & { agentType?: AgentType; statuses: readonly VariantStatus[] },
  ): Promise<Page<Variant>>;
  promoteVariant(
    request: ChangeVariantRequest & { readonly makeBaseline: boolean },
    context: CallContext,
  ): Promise<Variant>;
  retireVariant(request: ChangeVariantRequest, context: CallContext): Promise<Variant>;
  getMode(): Promise<ModeView>;
  setMode(
    request: { agentType?: AgentType; mode: Mode; reason: string } & Tried,
    context: CallContext,
  ): Promise<ModeView>;
}

/** Of a request that changes something. */
export interface Tried {
  /**
   * True: it is refused exactly if the call would be, and with the same words; nothing changes. The answer is what
   * would have been stored, without an etag. Absent: false.
   */
  readonly validateOnly?: boolean;
}

export interface ChangeVariantRequest extends Tried {
  readonly variantId: VariantId;
  /** When given, the variant must have this etag. */
  readonly etag?: string;
}

export interface AgentTypeView {
  readonly agentType: AgentType;
  readonly description: string;
  readonly mode: Mode;
  readonly baselineVariantId: VariantId;
  readonly activeVariants: number;
  readonly createdAtMs: number;
}

export interface NewAgentType extends Tried {
  readonly agentType: AgentType;
  readonly description: string;
  /** Absent: the default policy. */
  readonly policy?: Policy;
  /** Each becomes active; the first one the baseline. */
  readonly variants: readonly [NewVariantBody, ...NewVariantBody[]];
}

export interface NewVariantBody {
  readonly name: string;
  readonly description: string;
  readonly content: VariantContent;
  readonly parentId?: VariantId;
}

export interface NewVariantRequest extends NewVariantBody, Tried {
  readonly agentType: AgentType;
  /** draft, candidate or active. */
  readonly status: VariantStatus;
}

export interface SetPolicyRequest extends Tried {
  readonly agentType: AgentType;
  readonly codeType?: CodeType;
  readonly policy: Policy;
  readonly etag?: string;
}

export interface ModeView {
  readonly serviceMode: Mode;
  readonly agentTypes: readonly { readonly agentType: AgentType; readonly mode: Mode }[];
}
