import { BanditError, invalidField } from "../../domain/errors.ts";
import type { AgentType, VariantId } from "../../domain/ids.ts";
import { formatVariantId } from "../../domain/ids.ts";
import type { Variant, VariantStatus } from "../../domain/variant.ts";
import type { Catalogue, VariantChange } from "../../ports/catalogue.ts";
import type { CallContext } from "../api/call-context.ts";
import type { NewVariantRequest } from "../api/catalog.ts";
import type { Page, PageRequest } from "../api/page.ts";
import { pageOf } from "../api/page.ts";
import type { CatalogueCache } from "./catalogue-cache.ts";

/** Arms that may be active for one agent type at once. */
const activeVariantsMax = 100;

/** Creates, lists, promotes and retires variants. */
export class ManageVariants {
  readonly #catalogue: Catalogue;
  readonly #cache: CatalogueCache;

  constructor(dependencies: { catalogue: Catalogue; cache: CatalogueCache }) {
    this.#catalogue = dependencies.catalogue;
    this.#cache = dependencies.cache;
  }

  /** Stores the next version of a name. @throws BanditError not_found, invalid_argument, failed_precondition. */
  async create(request: NewVariantRequest, context: CallContext): Promise<Variant> {
    const { view } = this.#cache;
    const entry = view.getAgentType(request.agentType);
    if (request.parentId !== undefined) {
      const parent = view.getVariant(request.parentId);
      if (parent.agentType !== request.agentType) {
        throw invalidField("parent_id", `is a variant of agent type "${parent.agentType}"`);
      }
    }
    if (request.status === "retired") {
      throw invalidField("status", "a new variant is draft, candidate or active");
    }
    if (request.status === "active") requireRoom(request.agentType, entry.pool.length);
    const { validateOnly, ...input } = request;
    if (validateOnly) return this.#preview(request);
    const variant = await this.#catalogue.createVariant(
      { ...input, createdBy: "human" },
      { name: context.actor },
    );
    await this.#cache.refresh();
    return variant;
  }

  /** @throws BanditError not_found. */
  get(variantId: VariantId): Variant {
    return this.#cache.view.getVariant(variantId);
  }

  /** Ordered by id. An empty list of statuses means every status. */
  list(
    request: PageRequest & { agentType?: AgentType; statuses: readonly VariantStatus[] },
  ): Page<Variant> {
    if (request.agentType !== undefined) this.#cache.view.getAgentType(request.agentType);
    const matching = this.#cache.view.snapshot.variants
      .filter(
        (variant) =>
          (request.agentType === undefined || variant.agentType === request.agentType) &&
          (request.statuses.length === 0 || request.statuses.includes(variant.status)),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    return pageOf(matching, (variant) => variant.id, request);
  }

  /**
   * Brings a draft or candidate into the pool and, with `makeBaseline`, makes it the baseline in the
   * same step; the old baseline stays active. Promoting what is promoted already changes nothing.
   * @throws BanditError not_found, failed_precondition for a retired variant, aborted.
   */
  async promote(
    request: { variantId: VariantId; makeBaseline: boolean; etag?: string; validateOnly: boolean },
    context: CallContext,
  ): Promise<Variant> {
    const { view } = this.#cache;
    const variant = view.getVariant(request.variantId);
    requireEtag(variant, request.etag);
    if (variant.status === "retired") {
      throw new BanditError(
        "failed_precondition",
        `variant "${variant.id}" is retired, and retired is for ever; create a new version of it`,
        {
          reason: "VARIANT_RETIRED",
          violations: [{ field: "variant_id", description: "names a retired variant" }],
          metadata: { variant_id: variant.id },
        },
      );
    }
    const entry = view.getAgentType(variant.agentType);
    if (variant.status !== "active") requireRoom(variant.agentType, entry.pool.length);
    const becomesBaseline = request.makeBaseline && !variant.isBaseline;
    const changes: VariantChange[] = [];
    if (becomesBaseline) {
      const { baseline } = entry;
      changes.push({
        variantId: baseline.id,
        etag: baseline.etag,
        status: baseline.status,
        isBaseline: false,
      });
    }
    if (becomesBaseline || variant.status !== "active") {
      changes.push({
        variantId: variant.id,
        etag: variant.etag,
        status: "active",
        isBaseline: variant.isBaseline || request.makeBaseline,
      });
    }
    return this.#change(variant, changes, request.validateOnly, context);
  }

  /**
   * Takes a variant out of the pool for ever. Retiring a retired one changes nothing.
   * @throws BanditError not_found, failed_precondition for the baseline, aborted.
   */
  async retire(
    request: { variantId: VariantId; etag?: string; validateOnly: boolean },
    context: CallContext,
  ): Promise<Variant> {
    const variant = this.#cache.view.getVariant(request.variantId);
    requireEtag(variant, request.etag);
    if (variant.isBaseline) {
      throw new BanditError(
        "failed_precondition",
        `variant "${variant.id}" is the baseline; promote another one to baseline first`,
        {
          reason: "VARIANT_IS_BASELINE",
          violations: [{ field: "variant_id", description: "names the baseline" }],
          metadata: { variant_id: variant.id },
        },
      );
    }
    const changes: VariantChange[] =
      variant.status === "retired"
        ? []
        : [{ variantId: variant.id, etag: variant.etag, status: "retired", isBaseline: false }];
    return this.#change(variant, changes, request.validateOnly, context);
  }

  async #change(
    variant: Variant,
    changes: readonly VariantChange[],
    validateOnly: boolean,
    context: CallContext,
  ): Promise<Variant> {
    const own = changes.find((change) => change.variantId === variant.id);
    if (own === undefined) return variant;
    if (validateOnly) return { ...variant, status: own.status, isBaseline: own.isBaseline };
    await this.#catalogue.changeVariants(changes, { name: context.actor });
    await this.#cache.refresh();
    return this.#cache.view.getVariant(variant.id);
  }

  /** What `create` would store. */
  #preview(request: NewVariantRequest): Variant {
    const { agentType, name, content } = request;
    const versions = this.#cache.view.snapshot.variants
      .filter((variant) => variant.agentType === agentType && variant.name === name)
      .map((variant) => variant.version);
    const version = Math.max(0, ...versions) + 1;
    return {
      ...content,
      id: formatVariantId({ agentType, name, version }),
      agentType,
      name,
      version,
      status: request.status,
      isBaseline: false,
      description: request.description,
      createdBy: "human",
      ...(request.parentId === undefined ? {} : { parentId: request.parentId }),
      createdAtMs: 0,
      updatedAtMs: 0,
      etag: "",
    };
  }
}

function requireEtag(variant: Variant, etag: string | undefined): void {
  if (etag === undefined || etag === variant.etag) return;
  throw new BanditError("aborted", `variant "${variant.id}" has changed meanwhile`, {
    reason: "ETAG_MISMATCH",
    metadata: { variant_id: variant.id, etag: variant.etag },
  });
}

function requireRoom(agentType: AgentType, active: number): void {
  if (active < activeVariantsMax) return;
  throw new BanditError(
    "failed_precondition",
    `agent type "${agentType}" has ${activeVariantsMax} active variants already; retire one first`,
    { reason: "TOO_MANY_ACTIVE_VARIANTS", metadata: { agent_type: agentType } },
  );
}
