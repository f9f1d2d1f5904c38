import { expect, it } from "vitest";
import { defaultPolicy } from "../../../../src/bandit/default-policy.ts";
import { parseCodeType } from "../../../../src/domain/ids.ts";
import { forgettingPosition, type PolicyRecord } from "../../../../src/domain/policy.ts";
import { CatalogueView, policyFor } from "../../../../src/service/catalogue/catalogue-view.ts";
import { agentType, catalogueSnapshot } from "../../../support/catalogue-samples.ts";

const codeType = parseCodeType("own");
const hourMs = 3_600_000;

const entryWith = (own: Partial<PolicyRecord>, override: Partial<PolicyRecord>) =>
  new CatalogueView(catalogueSnapshot([{ codeType, ...override }, own])).getAgentType(agentType);

it("an override has the agent type's half-life and clock, whatever was stored with it, and the rest of its own", () => {
  const entry = entryWith(
    {
      policy: { ...defaultPolicy, forgettingHalfLifeSeconds: 3_600 },
      forgetting: { sinceMs: 5 * hourMs, position: 2.5 },
    },
    {
      policy: { ...defaultPolicy, forgettingHalfLifeSeconds: 60, explorationShare: 0.25 },
      forgetting: { sinceMs: 9 * hourMs, position: 7 },
      featuresSinceMs: 4,
      etag: "2",
    },
  );
  const policy = policyFor(entry, codeType);
  expect(policy.policy.forgettingHalfLifeSeconds).toBe(3_600);
  expect(policy.policy.explorationShare).toBe(0.25);
  expect([policy.etag, policy.featuresSinceMs]).toEqual(["2", 4]);
  for (const atMs of [0, 5 * hourMs, 6.5 * hourMs]) {
    const position = forgettingPosition(policyFor(entry, parseCodeType("any")), atMs);
    expect(forgettingPosition(policy, atMs)).toBe(position);
  }
  expect(forgettingPosition(policy, 6.5 * hourMs)).toBe(4);
});

it("an override of an agent type that does not forget does not either, and keeps the place", () => {
  const entry = entryWith(
    { forgetting: { sinceMs: 0, position: 3 } },
    { policy: { ...defaultPolicy, forgettingHalfLifeSeconds: 60 } },
  );
  expect(policyFor(entry, codeType).policy.forgettingHalfLifeSeconds).toBe(0);
  expect(forgettingPosition(policyFor(entry, codeType), 1e15)).toBe(3);
});
