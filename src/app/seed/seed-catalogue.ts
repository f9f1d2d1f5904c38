import type { CreateAgentTypeInput } from "../../ports/catalogue.ts";
import { analysisSeed } from "./analysis-seed.ts";
import { evolutionSeed } from "./evolution-seed.ts";
import { observationSeed } from "./observation-seed.ts";
import { orchestrationSeed } from "./orchestration-seed.ts";
import { reportingSeed } from "./reporting-seed.ts";
import { requirementsSeed } from "./requirements-seed.ts";

/**
 * What an empty catalogue starts with: six agent types with a policy and three prompt variants each.
 * All variants of one agent type use the same `{{variables}}`, so an agent fills them in without
 * looking at which one it was given.
 */
export const seedAgentTypes: readonly CreateAgentTypeInput[] = [
  evolutionSeed,
  observationSeed,
  requirementsSeed,
  analysisSeed,
  orchestrationSeed,
  reportingSeed,
];
