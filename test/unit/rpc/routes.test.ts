import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import {
  CatalogService,
  ListVariantsRequestSchema,
} from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import { RequestGate } from "../../../src/rpc/request-gate.ts";
import { buildRoutes } from "../../../src/rpc/routes.ts";
import { Admission } from "../../../src/service/admission/admission.ts";

const nothing = () => undefined;
const telemetry = { count: nothing, observeMs: nothing, gauge: nothing };
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

it("work that outlasts its caller's deadline takes room until it ends", async () => {
  const entropy = { fill: (target: Uint8Array) => target.fill(0) };
  const admission = new Admission({ requestsMax: 10, entropy, telemetry });
  const gate = new RequestGate({ admission, telemetry, logger, clock });
  const working = Promise.withResolvers<never>();
  const service = { decisions: {}, catalog: { listVariants: () => working.promise } } as never;
  const routes = buildRoutes({ service, telemetry, logger, clock, gate });
  const route = routes.get(CatalogService)?.find(({ method }) => method.name === "ListVariants");
  if (route?.kind !== "unary") throw new Error("ListVariants is a unary call");
  const context = { actor: "test", peer: "test", caller: undefined, deadlineMs: Date.now() + 50 };
  const call = route.invoke(create(ListVariantsRequestSchema), context as never);
  await expect(call).rejects.toMatchObject({ code: "deadline_exceeded" });
  expect(admission.inFlight).toBe(1);
  working.reject(new Error("too late to matter"));
  await expect.poll(() => admission.inFlight).toBe(0);
});
