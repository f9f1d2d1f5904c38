import type { GetServiceInfoResponse } from "../../client/index.ts";
import { formatShare } from "../text/format-value.ts";
import { integer } from "../text/progress.ts";
import { formatTable } from "../text/table.ts";
import { type DemoReport, judgeBudget } from "./demo-report.ts";
import type { Scene } from "./world.ts";

type Shown = Omit<DemoReport, "failures">;

/** What is about to happen. */
export function formatOpening(
  service: Pick<GetServiceInfoResponse, "stateEngine" | "catalogueEngine" | "eventsEngine"> & {
    address: string;
  },
  scenes: readonly Scene[],
): string {
  const agents = scenes.map((scene) => `${scene.agents} ${scene.agentType}`).join(", ");
  return `banditd answers at ${service.address} (gRPC)
engines: ${service.stateEngine}, ${service.catalogueEngine}, ${service.eventsEngine}
agents: ${agents}; each asks for a variant, works, reports the run, and outcomes follow later

`;
}

/** What was learned, what it was worth, and what it cost. */
export function formatDemoReport(report: Shown): string {
  const shares = formatTable(
    [
      { title: "agent type" },
      { title: "code type" },
      { title: "variant" },
      { title: "share now", align: "right" },
      { title: "decisions", align: "right" },
      { title: "true reward", align: "right" },
      { title: "" },
    ],
    report.code_types.flatMap((entry) =>
      entry.arms.map((arm, index) => [
        index === 0 ? entry.agent_type : "",
        index === 0 ? entry.code_type : "",
        arm.variant,
        formatShare(arm.share),
        integer(arm.decisions),
        arm.true_reward.toFixed(3),
        arm.best ? "← best" : "",
      ]),
    ),
  );
  const { rewards } = report;
  const rewardTable = formatTable(
    [{ title: "" }, { title: "mean reward", align: "right" }],
    [
      ["a variant at random (uniform)", rewards.uniform.toFixed(4)],
      ["one variant for each agent type, the best (best fixed arm)", rewards.best_fixed.toFixed(4)],
      ["banditd, learning included", rewards.learned.toFixed(4)],
      ["the best variant of every code type from the start (oracle)", rewards.oracle.toFixed(4)],
    ],
  );
  const line = (title: string, key: keyof Shown["overhead_ms"]): readonly string[] => {
    const { p50, p99, p999 } = report.overhead_ms[key];
    return [title, ...[p50, p99, p999].map((ms) => ms.toFixed(2))];
  };
  const overhead = formatTable(
    [
      { title: "" },
      { title: "p50 ms", align: "right" },
      { title: "p99 ms", align: "right" },
      { title: "p99.9 ms", align: "right" },
    ],
    [
      line("SelectVariant", "select"),
      line("RecordGeneration", "recordGeneration"),
      line("RecordOutcome", "recordOutcome"),
      line("sum of the three for one generation", "generation"),
      line("for comparison: a call that does nothing", "emptyCall"),
    ],
  );
  return `${integer(report.tasks)} tasks and ${integer(report.outcomes)} outcomes in ${report.seconds.toFixed(1)} s

What was learned:

${shares}
What it is worth (reward in [0,1] by the policies' own specification, on the same tasks):

${rewardTable}
What it costs, seen by the agents over gRPC, against a budget of ${report.overhead_budget_ms} ms per generation:

${overhead}
${judgeBudget(report).text}

`;
}
