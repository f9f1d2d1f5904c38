import type { PrometheusTelemetry } from "../../src/adapters/system/prometheus-telemetry.ts";
import type { Engines } from "../../src/app/engines.ts";
import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import {
  type CodeType,
  type GenerationId,
  parseAgentType,
  parseCodeType,
} from "../../src/domain/ids.ts";
import type { Policy } from "../../src/domain/policy.ts";
import type { BanditService } from "../../src/service/api/bandit-service.ts";
import type {
  BanditServiceOptions,
  RunningBanditService,
} from "../../src/service/create-bandit-service.ts";
import { LearningAgent } from "./learning-agent.ts";
import { decisionsRemembered, openSite } from "./site.ts";

export const clockworkAgent = parseAgentType("clockwork");
export const clockworkCode = parseCodeType("c");
export const clockworkContext = { signal: new AbortController().signal, actor: "test" };

/** One arm; a generation is worth 1 when CI passed; an hour's attribution window. */
export const clockworkPolicy: Policy = {
  ...defaultPolicy,
  reward: {
    ...defaultPolicy.reward,
    components: [
      { metric: "ci_passed", weight: 1, min: 0, max: 1, lowerIsBetter: false, unbounded: false },
    ],
  },
  attributionWindowSeconds: 3600,
  refreshIntervalMs: 0,
};

/** A service on the embedded engines whose clock the test moves. */
export interface ClockworkService {
  readonly clock: { timeMs: number };
  readonly engines: Engines;
  readonly telemetry: PrometheusTelemetry;
  readonly running: RunningBanditService;
  readonly service: BanditService;
  decide(choice?: { generationId?: GenerationId; codeType?: CodeType }): Promise<GenerationId>;
  /** Decides until no earlier decision is in the service's memory. */
  forget(): Promise<void>;
  setPolicy(changes: Partial<Policy>): Promise<unknown>;
  generations(): Promise<number>;
  close(): Promise<void>;
}

export async function openClockwork(
  changes: (engines: Engines) => Partial<BanditServiceOptions> = () => ({}),
): Promise<ClockworkService> {
  const site = await openSite();
  const { engines, telemetry, running, service } = await site.open({ changes });
  const agent = new LearningAgent({ service, name: clockworkAgent, policy: clockworkPolicy });
  await agent.create(["only"]);
  const decide: ClockworkService["decide"] = async ({ codeType = clockworkCode, ...choice } = {}) =>
    (await agent.decide(codeType, choice)).generationId;
  return {
    clock: site.clock,
    engines,
    telemetry,
    running,
    service,
    decide,
    async forget() {
      for (let made = 0; made <= decisionsRemembered; made += 1) await decide();
    },
    setPolicy: (changed) => agent.setPolicy(changed),
    async generations() {
      const { arms } = await agent.allocation(clockworkCode);
      return arms.reduce((sum, arm) => sum + arm.generations, 0);
    },
    close: () => site.remove(),
  };
}
