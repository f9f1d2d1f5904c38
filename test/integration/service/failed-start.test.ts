import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { readConfig } from "../../../src/app/config.ts";
import { openEngines } from "../../../src/app/engines.ts";
import { BanditError } from "../../../src/domain/errors.ts";
import { silentLogger } from "../../support/state-samples.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
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

it("a start in which two engines cannot be opened tells of both", async () => {
  const dataDir = temporaryDirectory();
  for (const engine of ["state", "catalogue"]) writeFileSync(join(dataDir, engine), "no directory");
  const error = vi.fn();
  const options = readConfig({ dataDir, clickhouseUrl: "http://127.0.0.1:1/events" }, {});
  const logger = { ...silentLogger, error };
  await expect(openEngines(options, { clock: systemClock, logger })).rejects.toThrow();
  await vi.waitFor(() => expect(error).toHaveBeenCalledTimes(1));
  expect(error.mock.calls).toEqual([
    ["a second engine cannot be used either", { error: expect.any(Error) }],
  ]);
});
