import { BanditError } from "../../src/domain/errors.ts";

/** The error of ours that the work throws; undefined when it throws none. @throws any other error. */
export function banditErrorOf(work: () => unknown): BanditError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof BanditError) return error;
    throw error;
  }
}
