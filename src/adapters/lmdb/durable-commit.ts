import type { RootDatabase } from "lmdb";

/**
 * For `open`, where commits are made by {@link durableCommit} only. By itself lmdb begins a batch of its own in each
 * turn of the event loop, and when a commit fails it rejects a promise of that batch which nobody can wait for: the
 * process would end at the very moment at which it has to say that the disk is full.
 */
export const ownBatchesOnly = { eventTurnBatching: false } as const;

/** Runs `plan`, which puts and removes, in one transaction; resolves when it is committed. Rejects with the engine's reason. */
export async function durableCommit(
  environment: RootDatabase<Buffer, Buffer>,
  plan: () => void,
): Promise<void> {
  try {
    await environment.batch(plan);
  } catch (error) {
    throw await reasonOf(error);
  }
}

/** Why a commit failed comes as one more promise that rejects, a little later. */
async function reasonOf(error: unknown): Promise<unknown> {
  try {
    await (error as { commitError?: Promise<never> }).commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}
