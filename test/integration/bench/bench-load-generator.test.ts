import { create, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Child, startChild } from "../../../bench/child-process.ts";
import { grpcFrame } from "../../../bench/grpc-channel.ts";
import { median, percentileOfSorted, summarizeLatencies } from "../../../bench/latency-summary.ts";
import type { LoadPhase, LoadResult } from "../../../bench/load-protocol.ts";
import { readSelected } from "../../../bench/selected-reader.ts";
import {
  DecisionSource,
  SelectVariantResponseSchema,
} from "../../../src/gen/bandit/v1/decision_service_pb.ts";

let echo: Child;
let generator: Child;

beforeAll(async () => {
  [echo, generator] = await Promise.all([
    startChild("echo-server.ts"),
    startChild("load-generator.ts"),
  ]);
});

afterAll(async () => {
  await Promise.all([echo.stop(), generator.stop()]);
});

function load(phase: Partial<LoadPhase>): Promise<LoadResult> {
  const whole = {
    address: echo.ready["address"],
    connections: 2,
    inFlightPerConnection: 8,
    durationMs: 200,
    seed: 1,
    ...phase,
  };
  return generator.ask(whole, 20_000).then((answer) => answer["result"] as LoadResult);
}

test("every select of a closed loop is answered, read and timed", async () => {
  const result = await load({ kind: "selects" });
  const { SelectVariant } = result.acknowledged;
  expect(result.failures).toEqual([]);
  expect(SelectVariant).toBeGreaterThan(16);
  expect(result.latenciesMs.SelectVariant).toHaveLength(SelectVariant);
  // At most the calls in flight at the end come after it.
  expect(SelectVariant - result.selectsInTime).toBeLessThanOrEqual(16);
  expect(Math.min(...result.latenciesMs.SelectVariant)).toBeGreaterThan(0);
});

test("a call that the server refuses is a failure with its status, not a measurement", async () => {
  const empty = new Server();
  const port = await new Promise<number>((resolve, reject) => {
    empty.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const result = await load({ kind: "selects", address: `127.0.0.1:${port}`, durationMs: 200 });
  empty.forceShutdown();
  expect(result.failures).toEqual([
    { call: "SelectVariant", status: status.UNIMPLEMENTED, count: expect.any(Number) },
  ]);
  expect(result.failures[0]?.count).toBeGreaterThan(0);
  expect(result.acknowledged.SelectVariant).toBe(0);
  expect(result.selectsInTime).toBe(0);
});

test("an open loop begins as many generations as its rate says, however they end", async () => {
  const durationMs = 1_000;
  const result = await load({ kind: "arrivals", durationMs, generationsPerSecond: 400 });
  // Poisson with mean 400: outside ± 5 standard deviations once in a million seeds; the seed is fixed.
  expect(result.sendLagsMs.length).toBeGreaterThan(300);
  expect(result.sendLagsMs.length).toBeLessThan(500);
  expect(result.acknowledged.SelectVariant).toBe(result.sendLagsMs.length);
});

test("a server that goes away fails the calls that it leaves unanswered", async () => {
  const doomed = await startChild("echo-server.ts");
  const running = load({
    kind: "selects",
    address: String(doomed.ready["address"]),
    durationMs: 600,
  });
  setTimeout(() => process.kill(doomed.pid, "SIGKILL"), 300);
  const result = await running;
  const lost = result.failures.reduce((sum, failure) => sum + failure.count, 0);
  expect(lost).toBeGreaterThan(0);
  await doomed.stop();
});

test("an address that nobody listens on is an error", async () => {
  await expect(load({ kind: "selects", address: "127.0.0.1:1" })).rejects.toThrow("ECONNREFUSED");
});

test("the reader of answers finds what the codec wrote", () => {
  const answer = create(SelectVariantResponseSchema, {
    generationId: "01936f1e-0a4b-7000-8000-5d1c2b3a4958",
    variant: { variantId: "evolution/edge-cases-first@12", promptTemplate: "ü".repeat(5_000) },
    source: DecisionSource.EXPLORE,
    propensity: 0.25,
    allocationVersion: "0123456789abcdef",
    patterns: [{ patternId: "p", successRate: 0.5, generations: 1_000_000_007n }],
  });
  const read = () => readSelected(grpcFrame(toBinary(SelectVariantResponseSchema, answer)));
  expect(read()?.generationId.toString()).toBe(answer.generationId);
  expect(read()).toMatchObject({ variantId: "evolution/edge-cases-first@12", degraded: false });
  answer.degraded = true;
  expect(read()?.degraded).toBe(true);
  answer.generationId = "";
  expect(read()).toBeUndefined();
  expect(readSelected(Buffer.alloc(0))).toBeUndefined();
});

test("percentiles are measured values: nearest rank, exact at the ends", () => {
  const samples = Float64Array.from({ length: 1_000 }, (_, index) => 1_000 - index);
  expect(summarizeLatencies(samples)).toEqual({
    n: 1_000,
    meanMs: 500.5,
    p50Ms: 500,
    p95Ms: 950,
    p99Ms: 990,
    p999Ms: 999,
    maxMs: 1_000,
  });
  expect(percentileOfSorted(Float64Array.of(7), 0.999)).toBe(7);
  expect(percentileOfSorted(Float64Array.of(1, 2), 0.5)).toBe(1);
  expect(percentileOfSorted(Float64Array.of(1, 2), 0.51)).toBe(2);
  expect(percentileOfSorted(new Float64Array(0), 0.5)).toBe(0);
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, 0]);
});
