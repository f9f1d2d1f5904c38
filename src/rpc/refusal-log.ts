import type { BanditError, ErrorCode } from "../domain/errors.ts";
import type { Logger } from "../ports/telemetry.ts";

/** What the service could not or would not do now; another error is about the call itself. */
const refusalCodes: ReadonlySet<ErrorCode> = new Set([
  "resource_exhausted",
  "unavailable",
  "deadline_exceeded",
]);
/** Distinct reasons counted at once; far more than there are. */
const reasonsMax = 256;

interface Refused {
  readonly message: string;
  readonly rpcs: Set<string>;
  count: number;
}

/** One line for each reason that calls were refused for, with their number, each time it is told to write. */
export class RefusalLog {
  readonly #logger: Logger;
  readonly #refused = new Map<string, Refused>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param what the rpc, or what else was refused. Errors that are no refusals are left out. */
  add({ code, reason, message }: BanditError, what: string): void {
    if (!refusalCodes.has(code)) return;
    const known = this.#refused.get(reason);
    if (known === undefined && this.#refused.size >= reasonsMax) return;
    const refused = known ?? { message, rpcs: new Set(), count: 0 };
    if (known === undefined) this.#refused.set(reason, refused);
    refused.rpcs.add(what);
    refused.count += 1;
  }

  /** To be called once a second. */
  write(): void {
    for (const [reason, { message, rpcs, count }] of this.#refused) {
      this.#logger.warn("calls were refused", { reason, count, rpcs: [...rpcs], message });
    }
    this.#refused.clear();
  }
}
