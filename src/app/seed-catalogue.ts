import { BanditError } from "../domain/errors.ts";
import type { Catalogue } from "../ports/catalogue.ts";
import { seedAgentTypes } from "./seed/seed-catalogue.ts";

/**
 * Makes a function that creates the seed's agent types where there are none at all. It may be called until it
 * succeeds: it goes on where it was cut off. @throws BanditError
 */
export function seedWhenEmpty(
  catalogue: Catalogue,
  onProgress?: (step: string) => void,
): () => Promise<void> {
  let hasBegun = false;
  return async () => {
    if (!hasBegun && (await catalogue.load()).agentTypes.length > 0) return;
    hasBegun = true;
    onProgress?.("filling the empty catalogue");
    for (const agentType of seedAgentTypes) {
      try {
        await catalogue.createAgentType(agentType, { name: "seed" });
      } catch (error) {
        // Another replica started on the same empty catalogue and was faster.
        if (!(error instanceof BanditError) || error.code !== "already_exists") throw error;
      }
    }
    hasBegun = false;
  };
}
