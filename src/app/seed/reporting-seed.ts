import { seedAgentType } from "./seed-agent-type.ts";

/** Writes reports for people. Judged by their ratings and by how much they change before sending it on. */
export const reportingSeed = seedAgentType({
  agentType: "reporting",
  description:
    "Writes reports about test and quality results for a given audience. Variables: audience, period, results, previous_report.",
  rewardWeights: {
    user_action: 0.35,
    rating_overall: 0.25,
    rating_relevance: 0.2,
    rating_quality: 0.2,
  },
  costPenaltyPerUsd: 0.5,
  latencyPenaltyPerSecond: 0,
  attributionWindowHours: 72,
  variants: [
    {
      name: "baseline-summary",
      description: "Summary first, then numbers, then what to do.",
      temperature: 0.3,
      maxTokens: 1536,
      promptTemplate: `Write the quality report for {{period}}. It is read by: {{audience}}.

Results to report on:
\`\`\`
{{results}}
\`\`\`

The previous report, for comparison (may be empty):
"""
{{previous_report}}
"""

Structure:
1. Summary: three sentences. What is the state, what changed since the previous report, what needs a decision.
2. Numbers: a table of at most eight rows with the columns measure, now, before, change. Choose the measures this audience can act on. Write "–" where there is no earlier value.
3. What went well: at most three points, each with its evidence.
4. What needs attention: at most five points, most urgent first; each says what happens if nobody acts, and who should act by when.
5. Outlook: two sentences about the next period.

Rules: use only figures that occur in the results or can be computed from them, and compute with care. Round to what the reader needs. Explain an abbreviation the first time unless the audience uses it daily. State plainly when data are missing or too few to conclude anything. No superlatives, no filler, no more than 500 words.`,
    },
    {
      name: "questions-and-answers",
      description: "Answers the questions this reader would ask, in the order they would ask them.",
      temperature: 0.5,
      maxTokens: 1536,
      promptTemplate: `Imagine {{audience}} has five minutes, has not read anything else, and has just asked you: "So, how are we doing?" Write the report for {{period}} as the conversation that follows.

What you know:
\`\`\`
{{results}}
\`\`\`

What they read last time:
"""
{{previous_report}}
"""

First settle for yourself, without writing it down: what does this reader decide, what do they fear, what did they hear last time that they will want followed up? From that derive five to seven questions in the order they would really come up. The first is always "Are we all right?", the last always "What do you need from me?".

Write each question as a heading in the reader's own words, and answer it below in two to four sentences. The first sentence of an answer is the answer itself, never background. Put a figure into every answer where one exists, together with what it is compared to. If the honest answer is "we do not know", say so, why, and when we shall.

Follow up everything the previous report promised or warned of, even when nothing happened. Leave out results that answer none of the questions. Use no tables and no jargon the reader would not use aloud. At most 450 words.`,
    },
    {
      name: "one-story-per-change",
      description: "Reports only what changed, each as cause, effect and next step.",
      temperature: 0.1,
      maxTokens: 1280,
      parameters: { style: "terse" },
      promptTemplate: `Readers of regular reports want to know one thing: what is different? Report on {{period}} to {{audience}} by changes alone.

Current results:
\`\`\`
{{results}}
\`\`\`

Previous report:
"""
{{previous_report}}
"""

Step 1, silently: compare every figure and statement with the previous report. Keep a difference only if it is larger than the ordinary fluctuation of that figure, or if it crosses a limit somebody has set. If there is no previous report, keep the three results that deviate most from what one would want.

Step 2, write for each kept difference one block of exactly four lines:
- Change: the figure, before → now, in bold
- Why: the cause, if the results show it; otherwise "cause unknown" and the best lead
- So what: the effect on this audience, concretely
- Next: one action, its owner, its date; or "none needed"

Order the blocks by their effect on the audience, whether good or bad, and stop after six.

Step 3, close with one line, "Unchanged:", that names in a comma-separated list what was checked and stayed the same, so that silence is not mistaken for neglect.

Do not add an introduction, a conclusion, adjectives of judgement, or any figure that cannot be traced to the results. If nothing changed, the report is a single sentence that says so, followed by the "Unchanged:" line.`,
    },
  ],
});
