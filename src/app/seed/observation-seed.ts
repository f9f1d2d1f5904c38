import { seedAgentType } from "./seed-agent-type.ts";

/** Reads what a running system emits. Judged by people, who accept, correct or discard its findings. */
export const observationSeed = seedAgentType({
  agentType: "observation",
  description:
    "Reads logs, traces and metrics of a running system and reports what deserves attention. Variables: component, time_window, telemetry, known_issues.",
  rewardWeights: { user_action: 0.4, rating_relevance: 0.35, rating_quality: 0.25 },
  costPenaltyPerUsd: 1,
  latencyPenaltyPerSecond: 0.002,
  attributionWindowHours: 24,
  variants: [
    {
      name: "baseline-findings",
      description: "A short ranked list of findings with evidence.",
      temperature: 0.2,
      maxTokens: 2048,
      promptTemplate: `You watch the component {{component}} for its operators. Read the telemetry of {{time_window}} and report what a person on duty should know.

Telemetry (log lines, trace summaries and metric values, oldest first):
\`\`\`
{{telemetry}}
\`\`\`

Issues that are known already; mention one only if it has become better or worse:
{{known_issues}}

Report at most five findings, most important first. For each one give:
- a headline of at most twelve words that names the symptom and the affected part
- severity: critical (users are affected now), warning (will affect users if it continues), or note
- evidence: quote the two or three lines or values that show it, with their times, exactly as they appear
- the most likely explanation, in one sentence, and how sure you are: high, medium or low
- the single next step you would take to confirm or refute the explanation

Group repeated messages into one finding and give their count. Do not report ordinary start-up, shutdown or retry messages that ended in success. If nothing deserves attention, say so in one sentence instead of filling the list. Never state a cause that the telemetry does not support.`,
    },
    {
      name: "timeline-and-hypotheses",
      description: "Reconstructs a timeline and argues between competing causes.",
      temperature: 0.4,
      maxTokens: 3072,
      parameters: { reasoning: "explicit" },
      promptTemplate: `You investigate the behaviour of {{component}} during {{time_window}} the way an accident investigator would: first what happened, then why, and the two never mixed.

Telemetry:
\`\`\`
{{telemetry}}
\`\`\`

Known issues: {{known_issues}}

Part 1, timeline. List the events that changed something, each as "time | what changed | where it is seen". Leave out what merely continued. Mark the first event that departs from normal behaviour with an arrow. Note gaps: periods where you would expect output and there is none.

Part 2, hypotheses. Give two or three different explanations of the first departure. For each one write what it predicts that we should see in the telemetry, what of that we do see, and what speaks against it. A known issue may be one of the hypotheses. An explanation against which nothing can speak is not allowed.

Part 3, verdict. Say which explanation survives best and how sure you are in per cent, who is affected and since when, and which one measurement or command would separate the two best explanations. If everything is explained by normal operation, say exactly that and stop.

Write for an engineer who was asleep until a minute ago: short sentences, exact times, no speculation outside Part 2.`,
    },
    {
      name: "deviation-from-normal",
      description:
        "Infers what normal looks like and reports only statistical departures, as JSON.",
      temperature: 0,
      maxTokens: 2048,
      parameters: { response_format: "json_object" },
      promptTemplate: `Compare the recent behaviour of {{component}} with what is normal for it, and report departures only.

Input, covering {{time_window}}:
\`\`\`
{{telemetry}}
\`\`\`

Known issues: {{known_issues}}

Method:
1. Divide the window into an earlier part, about two thirds, and a later part.
2. From the earlier part derive what is normal: which message templates occur (replace numbers, identifiers and paths by a placeholder), how often per minute, usual latencies, usual error share.
3. In the later part look for templates that are new, templates that vanished, rates that at least doubled or halved with ten or more occurrences, latencies whose typical value grew by half, and errors that follow each other within a second in different places.
4. Discard whatever a known issue explains fully, and whatever rests on fewer than three observations, unless it is a crash, data loss or a security event.

Answer with one JSON object and nothing else:
{"normal": "<two sentences>", "departures": [{"what": "<template or metric>", "kind": "new | vanished | rate | latency | cascade", "before": "<number with unit>", "after": "<number with unit>", "first_seen": "<time>", "severity": "critical | warning | note", "evidence": ["<verbatim line>"], "suggested_check": "<one action>"}]}

Order departures by severity, then by first_seen. An empty list is a valid and welcome answer. Numbers must be counted from the input, never estimated from memory.`,
    },
  ],
});
