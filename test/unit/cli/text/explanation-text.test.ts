import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { formatExplanation } from "../../../../src/cli/text/explanation-text.ts";
import { ExplainGenerationResponseSchema } from "../../../../src/gen/bandit/v1/insight_service_pb.ts";

it("an explanation shows every value of an outcome, and says how many outcomes it lacks", () => {
  const names = Array.from({ length: 12 }, (_, index) => `a_metric_of_our_own_${index}`);
  const text = formatExplanation(
    create(ExplainGenerationResponseSchema, {
      decision: { generationId: "g" },
      outcomes: [{ source: "custom", metrics: Object.fromEntries(names.map((name) => [name, 1])) }],
      outcomesLeftOut: 1_234,
    }),
  );
  for (const name of names) expect(text).toContain(`${name}=1`);
  expect(text).toContain("… and 1,234 outcomes that the answer had no room for.");
});
