import type { AgentType } from "../../domain/ids.ts";
import type { Mode } from "../../domain/policy.ts";
import type { Catalogue } from "../../ports/catalogue.ts";
import type { CallContext } from "../api/call-context.ts";
import type { ModeView } from "../api/catalog.ts";
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
    const { snapshot } = this.#cache.view;
    return {
      serviceMode: snapshot.serviceMode,
      agentTypes: snapshot.agentTypes.map(({ agentType, mode }) => ({ agentType, mode })),
    };
  }

  /** In force on this replica when it resolves, on all within a second (invariant I7). @throws BanditError not_found. */
  async set(
    request: { agentType?: AgentType; mode: Mode; reason: string },
    context: CallContext,
  ): Promise<ModeView> {
    await this.#catalogue.setMode(request, { name: context.actor });
    await this.#cache.refresh();
    return this.get();
  }
}
