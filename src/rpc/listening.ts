import { BanditError } from "../domain/errors.ts";

/** A message above this is refused with RESOURCE_EXHAUSTED before it is parsed. */
export const messageBytesMaxDefault = 4 * 1024 * 1024;

/** The address is taken, or is not one of this machine. */
export function listenFailed(address: string, cause: unknown): BanditError {
  return new BanditError("failed_precondition", `cannot listen on ${address}`, {
    reason: "LISTEN_FAILED",
    metadata: { address },
    cause,
  });
}
