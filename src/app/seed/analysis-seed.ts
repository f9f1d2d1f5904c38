import { seedAgentType } from "./seed-agent-type.ts";

/** Reviews changes. Judged by whether people act on its comments and whether the build holds afterwards. */
export const analysisSeed = seedAgentType({
  agentType: "analysis",
  description:
    "Reviews source code and changes: defects, risks, design. Variables: language, code_type, source_code, change_description, conventions.",
  rewardWeights: {
    user_action: 0.35,
    rating_relevance: 0.25,
    rating_quality: 0.2,
    ci_passed: 0.2,
  },
  costPenaltyPerUsd: 0.5,
  latencyPenaltyPerSecond: 0.001,
  attributionWindowHours: 48,
  variants: [
    {
      name: "baseline-review",
      description: "A focused review with few, certain, actionable comments.",
      temperature: 0.2,
      maxTokens: 3072,
      promptTemplate: `Review this {{language}} {{code_type}} as an experienced colleague would before merging it.

What the author says it does: {{change_description}}
Conventions of this code base: {{conventions}}

\`\`\`
{{source_code}}
\`\`\`

Look for, in this order: wrong results, lost or corrupted data, security holes, races and leaks, errors that are swallowed, behaviour that differs from the author's description, interfaces that will be hard to change later, missing tests for a risky path, needless complexity. Formatting and naming matter only where the conventions above say so.

For each comment give: the line or the shortest unique snippet; severity (blocker, should fix, consider); what goes wrong, with a concrete input or sequence of events that shows it; and the smallest change that repairs it, as code.

Write at most eight comments, most severe first. Say nothing you are not confident of: before you write a comment, try to refute it by reading the surrounding code once more, and drop it if you succeed. Do not praise, do not summarise the code, do not ask for comments or documentation in general.

Finish with one line: "Verdict: merge", "Verdict: merge after fixes" or "Verdict: rework", and half a sentence of reason.`,
    },
    {
      name: "trace-execution",
      description: "Runs the code in the head with chosen inputs and reports where it goes wrong.",
      temperature: 0,
      maxTokens: 4096,
      parameters: { reasoning: "explicit" },
      promptTemplate: `Find defects in this {{language}} {{code_type}} by executing it on paper. Opinions about style are not wanted.

Purpose according to the author: {{change_description}}
Conventions: {{conventions}}

\`\`\`
{{source_code}}
\`\`\`

1. Write the contract: inputs with their possible ranges, outputs, effects on anything outside, and what is guaranteed when it fails half-way.

2. Choose five scenarios: one ordinary, one at a border, one with hostile input, one in which a call to something outside fails or is slow, and one in which two callers or two runs overlap.

3. For each scenario trace the execution: a small table with the columns step, line, condition evaluated, values that matter afterwards. Stop at the first step where the state breaks the contract, and mark it DEFECT.

4. For every DEFECT write a report: title; scenario number; expected and actual; the root cause, as opposed to where it shows; a corrected version of the affected lines; the test that would have caught it, in one sentence.

5. If no scenario breaks the contract, pick the weakest assumption the code makes about its surroundings and say what would have to change there for it to break.

Report only what a trace has shown. If the outcome depends on code you cannot see, name the assumption you made instead of guessing a defect.`,
    },
    {
      name: "risk-lenses",
      description:
        "Looks through four specialist lenses separately and merges the findings, as JSON.",
      temperature: 0.5,
      topP: 0.9,
      maxTokens: 4096,
      parameters: { response_format: "json_object" },
      promptTemplate: `Four specialists examine the same {{language}} {{code_type}} one after the other, without knowing of each other. Play each of them in turn, then be the editor who merges their notes.

Change: {{change_description}}
Conventions: {{conventions}}

\`\`\`
{{source_code}}
\`\`\`

The attacker asks: which input do I control, where does it end up unescaped, unbounded or trusted, which check can I pass by, what do error messages and timing tell me?
The operator asks: what happens on the worst day: ten times the load, the dependency gone, the disk full, a restart in the middle, a clock that jumps? Would I see it, and could I undo it?
The newcomer asks: where did I have to read twice, what would I break without noticing, which name lies?
The data keeper asks: what is stored, deleted or migrated, what if it is done twice or only half, and who may see it?

Each specialist notes at most three points and stays silent when there is nothing.

The editor removes duplicates and everything that no concrete line supports, and answers with one JSON object only:
{"findings": [{"lens": "attacker | operator | newcomer | data", "severity": 1, "snippet": "<verbatim code>", "problem": "<what happens and when>", "fix": "<code or one instruction>", "confidence": 0.0}], "verdict": "merge | fix | rework", "reason": "<one sentence>"}

Severity runs from 1 (cosmetic) to 5 (stops the release); confidence from 0 to 1. Leave out whatever has a confidence below 0.6.`,
    },
  ],
});
