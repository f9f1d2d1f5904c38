import type { Clock } from "../ports/clock.ts";
import type { Entropy } from "../ports/entropy.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { RequestGate } from "../rpc/request-gate.ts";
import { Admission } from "../service/admission/admission.ts";
import { RateLimiter } from "../service/admission/rate-limiter.ts";
import type { ServiceOptions } from "./config.ts";

/** The gate that both ports share. */
export function openGate(
  options: ServiceOptions,
  dependencies: { clock: Clock; entropy: Entropy; telemetry: Telemetry; logger: Logger },
): RequestGate {
  const { requestsMax, rateLimitPerSecond: ratePerSecond, rateLimitBurst: burst } = options;
  const { clock } = dependencies;
  const gate = new RequestGate({
    ...dependencies,
    admission: new Admission({ ...dependencies, requestsMax }),
    ...(ratePerSecond === 0 ? {} : { limiter: new RateLimiter({ ratePerSecond, burst, clock }) }),
  });
  gate.start();
  return gate;
}
