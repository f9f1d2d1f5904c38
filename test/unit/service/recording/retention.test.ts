import { expect, it, vi } from "vitest";
import { defaultPolicy } from "../../../../src/bandit/default-policy.ts";
import { forgettingPosition } from "../../../../src/domain/policy.ts";
import { bookedPosition } from "../../../../src/service/recording/retention.ts";
import { policyRecord } from "../../../support/catalogue-samples.ts";

const hourMs = 3_600_000;
const policy = policyRecord({ policy: { ...defaultPolicy, forgettingHalfLifeSeconds: 3600 } });
const count = vi.fn();
const telemetry = { count, observeMs: vi.fn(), gauge: vi.fn() };
const booked = (decidedAtMs: number, nowMs: number) =>
  bookedPosition({ forgettingPosition: forgettingPosition(policy, decidedAtMs) }, policy, {
    nowMs,
    telemetry,
  });

it("is the decision's own while clocks differ by five minutes at most", () => {
  for (const ahead of [-10 * hourMs, 0, 299_000]) {
    expect(booked(100 * hourMs + ahead, 100 * hourMs)).toBe(100 + ahead / hourMs);
  }
  expect(count).not.toHaveBeenCalled();
});

it("is five minutes ahead when the decision comes from a clock that is days ahead, and that is counted", () => {
  expect(booked(340 * hourMs, 100 * hourMs)).toBeCloseTo(100 + 1 / 12, 12);
  expect(count).toHaveBeenCalledWith("bandit_decisions_ahead_total");
});
