import { describe, expect, it } from "vitest";
import { seedAgentTypes } from "../../../src/app/seed/seed-catalogue.ts";
import { defaultPolicy } from "../../../src/bandit/default-policy.ts";
import { parseAgentType, parseVariantName } from "../../../src/domain/ids.ts";
import { builtInMetrics, isBuiltInMetric } from "../../../src/domain/metric.ts";

function variablesOf(template: string): string[] {
  return [
    ...new Set([...template.matchAll(/\{\{([a-z_]+)\}\}/g)].map((match) => match[1] as string)),
  ].sort();
}

function wordsOf(template: string): Set<string> {
  return new Set(template.toLowerCase().match(/[a-z]{3,}/g) ?? []);
}

describe("the seed catalogue", () => {
  it("has the six agent types of the vocabulary, evolution first", () => {
    expect(seedAgentTypes.map((seed) => seed.agentType)).toEqual([
      "evolution",
      "observation",
      "requirements",
      "analysis",
      "orchestration",
      "reporting",
    ]);
  });

  describe.each(seedAgentTypes.map((seed) => [seed.agentType, seed] as const))("%s", (_, seed) => {
    it("has ids the service accepts and three active variants with distinct names", () => {
      expect(parseAgentType(seed.agentType)).toBe(seed.agentType);
      expect(seed.variants).toHaveLength(3);
      expect(new Set(seed.variants.map((variant) => parseVariantName(variant.name))).size).toBe(3);
      for (const variant of seed.variants) expect(variant.status).toBe("active");
    });

    it("uses the same variables in every variant and names them in its description", () => {
      const [first, ...rest] = seed.variants.map((variant) =>
        variablesOf(variant.content.promptTemplate),
      );
      expect(first?.length).toBeGreaterThan(1);
      for (const variables of rest) expect(variables).toEqual(first);
      const named = /Variables: (.+)\.$/.exec(seed.description)?.[1]?.split(", ").sort();
      expect(named).toEqual(first);
    });

    it("leaves no half-written variable in a template", () => {
      for (const variant of seed.variants) {
        const rest = variant.content.promptTemplate.replaceAll(/\{\{[a-z_]+\}\}/g, "");
        expect(rest).not.toMatch(/\{\{|\}\}(?!\])/);
      }
    });

    it("has prompts of 100 to 400 words that share fewer than half of their words", () => {
      const texts = seed.variants.map((variant) => variant.content.promptTemplate);
      for (const text of texts) {
        const count = text.split(/\s+/).length;
        expect(count).toBeGreaterThanOrEqual(100);
        expect(count).toBeLessThanOrEqual(400);
      }
      for (const [index, text] of texts.entries()) {
        for (const other of texts.slice(index + 1)) {
          const a = wordsOf(text);
          const b = wordsOf(other);
          const shared = [...a].filter((word) => b.has(word)).length;
          expect(shared / Math.min(a.size, b.size)).toBeLessThan(0.5);
        }
      }
    });

    it("differs in sampling between any two variants and stays within the allowed ranges", () => {
      const settings = seed.variants.map(({ content }) => {
        expect(content.temperature).toBeGreaterThanOrEqual(0);
        expect(content.temperature).toBeLessThanOrEqual(2);
        expect(content.topP ?? 1).toBeGreaterThan(0);
        expect(content.topP ?? 1).toBeLessThanOrEqual(1);
        expect(content.maxTokens).toBeGreaterThanOrEqual(1);
        return `${content.temperature}`;
      });
      expect(new Set(settings).size).toBe(3);
    });

    it("has a policy the service accepts, over built-in metrics in their own ranges", () => {
      const { policy } = seed;
      const metrics = policy.reward.components.map((component) => component.metric);
      expect(new Set(metrics).size).toBe(metrics.length);
      let weight = 0;
      for (const component of policy.reward.components) {
        if (!isBuiltInMetric(component.metric))
          throw new Error(`${component.metric} is not built in`);
        expect(component).toMatchObject(builtInMetrics[component.metric]);
        expect(component.weight).toBeGreaterThan(0);
        weight += component.weight;
      }
      expect(weight).toBeGreaterThan(0.5);
      expect(weight).toBeLessThanOrEqual(1 + 1e-12);
      expect(policy.explorationShare).toBe(defaultPolicy.explorationShare);
      expect(policy.holdoutShare).toBeLessThanOrEqual(0.5);
      expect(Math.min(policy.priorAlpha, policy.priorBeta)).toBeGreaterThanOrEqual(0.5);
      expect(policy.attributionWindowSeconds).toBeGreaterThanOrEqual(24 * 3600);
    });
  });
});
