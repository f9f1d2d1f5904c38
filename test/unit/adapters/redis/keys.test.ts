import { expect, test } from "vitest";
import { armPartition } from "../../../../src/adapters/redis/keys.ts";
import type { AgentType, CodeType } from "../../../../src/domain/ids.ts";

const arm = (agentType: string, codeType: string) => ({
  agentType: agentType as AgentType,
  codeType: codeType as CodeType,
});

test("the partition of an arm never changes: data written long ago is still found", () => {
  expect(armPartition(arm("evolution", "python_class"), 16)).toBe(3);
  expect(armPartition(arm("reporting", "react_component"), 16)).toBe(10);
});

test("arms spread over the partitions", () => {
  const counts = new Array<number>(16).fill(0);
  for (let index = 0; index < 1600; index += 1) {
    const partition = armPartition(arm("evolution", `code_${index}`), 16);
    counts[partition] = (counts[partition] as number) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(50);
  expect(Math.max(...counts)).toBeLessThan(200);
});
