import { defaultPolicy } from "../../bandit/default-policy.ts";
import { BanditError } from "../../domain/errors.ts";
import { type AgentType, formatVariantId } from "../../domain/ids.ts";
import type { Catalogue, CreateAgentTypeInput, NewVariant } from "../../ports/catalogue.ts";
import type { CallContext } from "../api/call-context.ts";
import type { AgentTypeView, NewAgentType, NewVariantBody } from "../api/catalog.ts";
import type { Page, PageRequest } from "../api/page.ts";
import { pageOf } from "../api/page.ts";
import type { CatalogueCache } from "./catalogue-cache.ts";
import type { AgentTypeEntry } from "./catalogue-view.ts";
import { requireValidPolicy } from "./require-valid-policy.ts";

/**
 * Agent types at which none is created any more because somebody asked for it: the catalogue is held in
 * memory and read whole, and names made up by a faulty agent must not fill it.
 */
const agentTypesMax = 1_000;

/** Creates and lists agent types. */
export class ManageAgentTypes {
  readonly #catalogue: Catalogue;
  readonly #cache: CatalogueCache;
  readonly #creating = new Map<AgentType, Promise<void>>();

  constructor(dependencies: { catalogue: Catalogue; cache: CatalogueCache }) {
    this.#catalogue = dependencies.catalogue;
    this.#cache = dependencies.cache;
  }

  /** @throws BanditError already_exists, invalid_argument. */
  create(request: NewAgentType, context: CallContext): Promise<AgentTypeView> {
    return this.#create(request, context);
  }

  async #create(
    request: NewAgentType,
    context: CallContext,
    bound?: Pick<CreateAgentTypeInput, "agentTypesMax">,
  ): Promise<AgentTypeView> {
    const policy = request.policy ?? defaultPolicy;
    requireValidPolicy(policy);
    const [first, ...rest] = request.variants;
    const input: CreateAgentTypeInput = {
      agentType: request.agentType,
      description: request.description,
      policy,
      variants: [activeVariant(first), ...rest.map(activeVariant)],
      ...bound,
    };
    const dryRun = request.validateOnly;
    const record = await this.#catalogue.createAgentType(input, { name: context.actor, dryRun });
    if (!dryRun) await this.#cache.refresh();
    const baseline = { agentType: record.agentType, name: first.name, version: 1 };
    return {
      ...record,
      baselineVariantId: formatVariantId(baseline),
      activeVariants: input.variants.length,
    };
  }

  /**
   * Creates an agent type that was asked for and is not there, with one variant that passes the task on as it is.
   * @throws BanditError resource_exhausted (TOO_MANY_AGENT_TYPES).
   */
  async createMissing(agentType: AgentType, context: CallContext): Promise<void> {
    const underWay = this.#creating.get(agentType);
    if (underWay !== undefined) return underWay;
    if (this.#isFull) {
      // Another replica may have created it.
      await this.#cache.refreshOnMiss();
      if (this.#cache.view.findAgentType(agentType) !== undefined) return;
      if (this.#isFull) throw tooManyAgentTypes(agentType);
    }
    const creating = this.#createMissing(agentType, context).finally(() => {
      this.#creating.delete(agentType);
    });
    this.#creating.set(agentType, creating);
    return creating;
  }

  /** As far as is known here: the catalogue itself counts once more. This keeps names that agents make up away from it. */
  get #isFull(): boolean {
    return this.#cache.view.snapshot.agentTypes.length >= agentTypesMax;
  }

  async #createMissing(agentType: AgentType, context: CallContext): Promise<void> {
    const request: NewAgentType = {
      agentType,
      description: "Created by the first decision that asked for it.",
      variants: [
        {
          name: "baseline",
          description: "Passes the task on unchanged. Replace it by a real prompt.",
          content: { promptTemplate: "{{task}}", model: "", parameters: {} },
        },
      ],
    };
    try {
      await this.#create(request, context, { agentTypesMax });
    } catch (error) {
      if (!(error instanceof BanditError)) throw error;
      if (error.reason === "TOO_MANY_AGENT_TYPES") throw tooManyAgentTypes(agentType);
      // Another call or replica was faster: the agent type is there, which is all that was wanted.
      if (error.code !== "already_exists") throw error;
      await this.#cache.refresh();
    }
  }

  get(agentType: AgentType): AgentTypeView {
    return viewOf(this.#cache.view.getAgentType(agentType));
  }

  list(request: PageRequest): Page<AgentTypeView> {
    const sorted = this.#cache.view
      .listAgentTypes()
      .map(viewOf)
      .sort((a, b) => (a.agentType < b.agentType ? -1 : 1));
    return pageOf(sorted, (entry) => entry.agentType, request);
  }
}

function activeVariant(body: NewVariantBody): NewVariant {
  return { ...body, createdBy: "human", status: "active" };
}

function tooManyAgentTypes(agentType: AgentType): BanditError {
  return new BanditError(
    "resource_exhausted",
    `agent type "${agentType}" does not exist, and is not created automatically: there are ` +
      `${agentTypesMax} already; create it with CatalogService.CreateAgentType`,
    { reason: "TOO_MANY_AGENT_TYPES", metadata: { agent_type: agentType } },
  );
}

function viewOf(entry: AgentTypeEntry): AgentTypeView {
  return {
    agentType: entry.record.agentType,
    description: entry.record.description,
    mode: entry.record.mode,
    baselineVariantId: entry.baseline.id,
    activeVariants: entry.pool.length,
    createdAtMs: entry.record.createdAtMs,
  };
}
