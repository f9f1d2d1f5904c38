import type { AgentType } from "../../domain/ids.ts";
import type { Mode } from "../../domain/policy.ts";
import type { Catalogue, CatalogueSnapshot } from "../../ports/catalogue.ts";
import type { CallContext } from "../api/call-context.ts";
import type { ModeView, Tried } from "../api/catalog.ts";
import type { CatalogueCache } from "./catalogue-cache.ts";

/** The switch between learning, frozen and static, for the service and for each agent type. */
export class ManageMode {
  readonly #catalogue: Catalogue;
  readonly #cache: CatalogueCache;

  constructor(dependencies: { catalogue: Catalogue; cache: CatalogueCache }) {
    this.#catalogue = dependencies.catalogue;
    this.#cache = dependencies.cache;
  }

  get(): ModeView {
    return viewOf(this.#cache.view.snapshot);
  }

  /** In force on this replica when it resolves, on all within a second (invariant I7). @throws BanditError not_found. */
  async set(
    request: { agentType?: AgentType; mode: Mode; reason: string } & Tried,
    context: CallContext,
  ): Promise<ModeView> {
    const { validateOnly: dryRun, ...input } = request;
    if (input.agentType !== undefined) await this.#cache.getAgentType(input.agentType);
    await this.#catalogue.setMode(input, { name: context.actor, dryRun });
    if (dryRun) return viewOf(this.#cache.view.snapshot, input);
    await this.#cache.refresh();
    return this.get();
  }
}

/** @param change as if it had been made. */
function viewOf(
  { serviceMode, agentTypes }: CatalogueSnapshot,
  change?: { readonly agentType?: AgentType; readonly mode: Mode },
): ModeView {
  const isService = change !== undefined && change.agentType === undefined;
  return {
    serviceMode: isService ? change.mode : serviceMode,
    agentTypes: agentTypes.map(({ agentType, mode }) => ({
      agentType,
      mode: change?.agentType === agentType ? change.mode : mode,
    })),
  };
}
