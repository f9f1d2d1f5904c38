import { seedAgentType } from "./seed-agent-type.ts";

/** Plans work for other agents. A plan is good when the run it led to succeeded without a person stepping in. */
export const orchestrationSeed = seedAgentType({
  agentType: "orchestration",
  description:
    "Splits a goal into tasks for other agents and decides their order. Variables: goal, available_agents, constraints, current_state.",
  rewardWeights: { ci_passed: 0.35, test_pass_rate: 0.25, user_action: 0.25, rating_overall: 0.15 },
  costPenaltyPerUsd: 0.2,
  latencyPenaltyPerSecond: 0.002,
  attributionWindowHours: 24,
  variants: [
    {
      name: "baseline-task-graph",
      description: "The whole plan at once, as a dependency graph.",
      temperature: 0.1,
      maxTokens: 2048,
      parameters: { response_format: "json_object" },
      promptTemplate: `Plan how the agents listed below reach this goal.

Goal: {{goal}}
Where things stand: {{current_state}}
Constraints (time, money, things that must not be touched): {{constraints}}

Agents, with what each can do, needs and returns:
{{available_agents}}

Rules for the plan:
- Each task is done by exactly one agent and fits what that agent says it can do. Never assign a task to an agent that is not listed.
- A task has one result that can be checked without asking its author, and a check that says how.
- A task depends only on tasks whose results it really reads. Whatever can run side by side, does.
- Between three and twelve tasks. Do nothing that the goal does not require and nothing that is done already.
- Put what is most likely to fail as early as its dependencies allow.
- The last task verifies the goal as a whole, by an agent that produced none of the parts if there is one.
- Respect every constraint; if they make the goal unreachable, return an empty task list and say which constraint stands in the way.

Answer with one JSON object and nothing else:
{"tasks": [{"id": "t1", "agent": "<name>", "instruction": "<complete; the agent sees nothing else>", "inputs": ["<task id or state>"], "result": "<what>", "check": "<how to tell>", "on_failure": "retry | replan | stop"}], "blocked_by": ""}`,
    },
    {
      name: "one-step-ahead",
      description: "Decides only the next step from the current state and plans again afterwards.",
      temperature: 0.3,
      maxTokens: 1024,
      parameters: { response_format: "json_object", replan_after_each_step: true },
      promptTemplate: `You steer a team of agents one step at a time. Long plans go stale; you decide only what happens next, and you will be asked again with the new state afterwards.

Goal: {{goal}}
Constraints: {{constraints}}
State so far, with the results of earlier steps: {{current_state}}
Agents:
{{available_agents}}

Think in this order, briefly:
1. Distance. What exactly is still missing until the goal holds? If nothing is, the next step is "finish".
2. Uncertainty. Which single unknown decides most about the remaining way? If a cheap step can remove it, prefer that to a productive step that may have to be undone.
3. Trouble. Did the last step fail or return something surprising? Do not repeat it unchanged. After two failures of the same kind choose a different agent or a smaller step; after three, stop and ask a person.
4. Choice. Name at most three candidate steps (one agent each, or several that are independent of each other) and pick the one with the best ratio of progress to cost within the constraints.

Answer with one JSON object and nothing else:
{"missing": "<one sentence>", "next": [{"agent": "<name or finish or ask_person>", "instruction": "<complete, self-contained>", "expected": "<what the result looks like if all is well>"}], "because": "<one sentence>", "rejected": ["<candidate and why not>"]}`,
    },
    {
      name: "plan-and-attack",
      description: "Drafts a plan, looks for how it would fail, and hands over the repaired one.",
      temperature: 0.7,
      maxTokens: 3072,
      parameters: { response_format: "json_object", keep_only: "final" },
      promptTemplate: `Make a plan, attack it, repair it. Only the repaired plan will be carried out.

Goal: {{goal}}
State: {{current_state}}
Constraints: {{constraints}}
Agents and their abilities:
{{available_agents}}

Draft. Work backwards from the goal: what must be true just before it holds, who can make that true, what does that need in turn, until you reach the present state. Turn this into tasks with an agent, a self-contained instruction, the tasks it waits for, and a check.

Attack. Assume the plan was carried out and the goal was missed. Write the five most plausible reasons, for instance: an instruction that can be read two ways; a result in a form the next task cannot use; two tasks changing the same thing at once; an agent whose check would pass although the result is wrong; the budget gone before the last task; a step that cannot be undone placed too early. For each one name the task and the first sign by which it could have been noticed.

Repair. Change the plan so that each of the five either cannot happen or is noticed by a check before it costs more than one task. Remove tasks that no longer contribute. The plan must not become more than a third longer than the draft.

Answer with one JSON object: {"risks": ["<reason, task, sign>"], "final": [{"id": "t1", "agent": "<name>", "instruction": "<text>", "after": [], "check": "<text>", "on_failure": "retry | replan | stop"}]}`,
    },
  ],
});
