import { expect, it } from "vitest";
import { BanditError } from "../../../src/domain/errors.ts";
import { openSiteOfTest } from "../../support/use-site.ts";

/** An object whose method is another one. */
function withMethod<T extends object>(target: T, name: keyof T, method: unknown): T {
  return new Proxy(target, {
    get(_, property) {
      if (property === name) return method;
      const value = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Counts who listens. */
function counted<T extends object>(target: T, name: keyof T, listeners: Set<unknown>): T {
  const listen = (target[name] as (listener: unknown) => () => void).bind(target);
  return withMethod(target, name, (listener: unknown) => {
    listeners.add(listener);
    const stop = listen(listener);
    return () => {
      listeners.delete(listener);
      stop();
    };
  });
}

it("a start that fails leaves nobody who listens", async () => {
  const listeners = new Set();
  const site = await openSiteOfTest();
  const engines = await site.openEngines();
  const opening = site.open({
    engines,
    changes(opened) {
      const refused = withMethod(opened.state, "listTotals", () => {
        throw new BanditError("failed_precondition", "refused", { reason: "REFUSED" });
      });
      return {
        catalogue: counted(opened.catalogue, "onChange", listeners),
        state: counted(refused, "onTotalsChanged", listeners),
      };
    },
  });
  await expect(opening).rejects.toThrow("refused");
  expect(listeners.size).toBe(0);
});
