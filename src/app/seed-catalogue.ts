import { BanditError } from "../domain/errors.ts";
import type { Catalogue } from "../ports/catalogue.ts";
import { seedAgentTypes } from "../service/seed/seed-catalogue.ts";

/** Creates the seed's agent types where there are none at all. May be repeated. @throws BanditError */
export async function seedIfEmpty(
  catalogue: Catalogue,
  onProgress?: (step: string) => void,
): Promise<void> {
  const { agentTypes } = await catalogue.load();
  if (agentTypes.length > 0) return;
  onProgress?.("filling the empty catalogue");
  for (const agentType of seedAgentTypes) {
    try {
      await catalogue.createAgentType(agentType, { name: "seed" });
    } catch (error) {
      // Another replica started on the same empty catalogue and was faster.
      if (!(error instanceof BanditError) || error.code !== "already_exists") throw error;
    }
  }
}
