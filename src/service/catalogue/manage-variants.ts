import { BanditError, invalidField } from "../../domain/errors.ts";
import type { AgentType, VariantId } from "../../domain/ids.ts";
import type { Variant, VariantStatus } from "../../domain/variant.ts";
import type { Catalogue, VariantChange } from "../../ports/catalogue.ts";
import type { CallContext } from "../api/call-context.ts";
import type { ChangeVariantRequest, NewVariantRequest } from "../api/catalog.ts";
import type { Page, PageRequest } from "../api/page.ts";
import { pageOf } from "../api/page.ts";
import type { CatalogueCache } from "./catalogue-cache.ts";

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
    await this.#cache.getAgentType(request.agentType);
    if (request.parentId !== undefined) {
      const parent = await this.#cache.getVariant(request.parentId);
      if (parent.agentType !== request.agentType) {
        throw invalidField("parent_id", `is a variant of agent type "${parent.agentType}"`);
      }
    }
    if (request.status === "retired") {
      throw invalidField("status", "a new variant is draft, candidate or active");
    }
    const { validateOnly: dryRun, ...input } = request;
    const variant = await this.#catalogue.createVariant(
      { ...input, createdBy: "human" },
      { name: context.actor, dryRun },
    );
    if (!dryRun) await this.#cache.refresh();
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
   * same step; the old baseline stays active. Promoting an active variant changes nothing.
   * @throws BanditError not_found, failed_precondition for a retired variant, aborted.
   */
  promote(
    request: ChangeVariantRequest & { readonly makeBaseline: boolean },
    context: CallContext,
  ): Promise<Variant> {
    return this.#change(request, context, ({ variant, baseline }) => {
      if (variant.status === "retired") throw isRetired(variant);
      const becomesBaseline = request.makeBaseline && !variant.isBaseline;
      const changes: VariantChange[] = [];
      if (becomesBaseline) {
        changes.push({ variantId: baseline.id, status: baseline.status, isBaseline: false });
      }
      if (becomesBaseline || variant.status !== "active") {
        const isBaseline = variant.isBaseline || request.makeBaseline;
        changes.push({ variantId: variant.id, status: "active", isBaseline });
      }
      return changes;
    });
  }

  /**
   * Takes a variant out of the pool for ever. Retiring a retired one changes nothing.
   * @throws BanditError not_found, failed_precondition for the baseline, aborted.
   */
  retire(request: ChangeVariantRequest, context: CallContext): Promise<Variant> {
    return this.#change(request, context, ({ variant }) => {
      if (variant.isBaseline) throw isTheBaseline(variant);
      if (variant.status === "retired") return [];
      return [{ variantId: variant.id, status: "retired", isBaseline: false }];
    });
  }

  async #change(
    request: ChangeVariantRequest,
    context: CallContext,
    decide: Parameters<Catalogue["changeVariant"]>[1],
  ): Promise<Variant> {
    const { validateOnly: dryRun, ...input } = request;
    await this.#cache.getVariant(input.variantId);
    const variant = await this.#catalogue.changeVariant(input, decide, {
      name: context.actor,
      dryRun,
    });
    if (!dryRun) await this.#cache.refresh();
    return variant;
  }
}

function isRetired({ id }: Variant): BanditError {
  return new BanditError(
    "failed_precondition",
    `variant "${id}" is retired for ever; create a new version of it`,
    {
      reason: "VARIANT_RETIRED",
      violations: [{ field: "variant_id", description: "names a retired variant" }],
      metadata: { variant_id: id },
    },
  );
}

function isTheBaseline({ id }: Variant): BanditError {
  return new BanditError(
    "failed_precondition",
    `variant "${id}" is the baseline; promote another one to baseline first`,
    {
      reason: "VARIANT_IS_BASELINE",
      violations: [{ field: "variant_id", description: "names the baseline" }],
      metadata: { variant_id: id },
    },
  );
}
