import type { CallContext } from "../../src/service/api/call-context.ts";

/** Of a call without a deadline by somebody who stays. */
export const callContext: CallContext = { signal: new AbortController().signal, actor: "test" };
