/** What a start has taken hold of, in the order in which it did, to be released in the reverse one. */
export class Releases {
  readonly #steps: (() => unknown)[] = [];
  #run: Promise<void> | undefined;

  /** @param step may give a promise, which is waited for */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /**
   * Runs every step, the last one first; a failing one does not keep the others from releasing what they hold. Idempotent.
   * @throws AggregateError of their failures
   */
  run(): Promise<void> {
    this.#run ??= this.#runInReverse();
    return this.#run;
  }

  async #runInReverse(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.toReversed()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "the service did not stop cleanly");
  }
}
