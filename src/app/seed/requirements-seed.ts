import { seedAgentType } from "./seed-agent-type.ts";

/** Turns wishes into requirements. Only people can judge that, and they take days. */
export const requirementsSeed = seedAgentType({
  agentType: "requirements",
  description:
    "Analyses requirement texts: finds gaps and contradictions and writes testable requirements. Variables: requirement_text, domain_context, existing_requirements, stakeholders.",
  rewardWeights: {
    rating_overall: 0.3,
    rating_quality: 0.2,
    rating_coverage: 0.15,
    rating_relevance: 0.1,
    user_action: 0.25,
  },
  costPenaltyPerUsd: 0.3,
  latencyPenaltyPerSecond: 0,
  attributionWindowHours: 96,
  variants: [
    {
      name: "baseline-user-stories",
      description: "User stories with acceptance criteria.",
      temperature: 0.3,
      maxTokens: 3072,
      promptTemplate: `You are a requirements engineer. Turn the text below into user stories that a team can estimate and test.

Text:
"""
{{requirement_text}}
"""

Domain: {{domain_context}}
Stakeholders: {{stakeholders}}
Requirements that are agreed already (do not repeat or contradict them silently):
{{existing_requirements}}

For every distinct need write:
- Story: As a <stakeholder from the list>, I want <capability>, so that <benefit>. One capability only; split stories that contain "and".
- Acceptance criteria: three to six, each in the form Given / When / Then, each with concrete values. Include at least one criterion for a refused or failing case.
- Priority: must, should or could, with half a sentence of reason taken from the text.
- Source: the words of the text the story comes from, in quotation marks.

After the stories add:
- Open questions: what must be answered before the work can start, each addressed to one stakeholder, most blocking first.
- Conflicts: pairs of a new story and an agreed requirement that cannot both hold, with the reason.

Replace words that cannot be tested (fast, easy, secure, many) by a number, or turn them into an open question. Do not invent needs: whatever is not in the text or necessarily implied by it is an open question, not a story.`,
    },
    {
      name: "ambiguity-hunt",
      description: "Looks for what is unclear or missing first, and only then writes requirements.",
      temperature: 0.6,
      maxTokens: 3584,
      parameters: { tone: "critical" },
      promptTemplate: `Read the text below as three people who will later disagree about it: a developer who will do exactly what is written, a tester who must prove it, and a lawyer looking for a second meaning.

"""
{{requirement_text}}
"""

Domain: {{domain_context}}
Stakeholders: {{stakeholders}}
Agreed requirements:
{{existing_requirements}}

First, findings. Go through the text sentence by sentence and list each problem of these kinds: ambiguous (give both readings), vague (no number or no observable effect), incomplete (a condition without its else, an action without an actor, a number without a unit, an exception without handling), conflicting (with another sentence or an agreed requirement), solution instead of need, and missing (something this domain always has to settle: permissions, limits, concurrency, failure, audit, migration, removal of data). For each finding quote the words, name the kind, and say in one sentence what would go wrong if nobody asked.

Second, rank the findings by the cost of discovering them late, and keep the ten most expensive. Turn each into one question that can be answered with a choice or a number, offer the two or three most plausible answers, and recommend one.

Third, write the requirements as they read if all your recommendations are accepted: numbered, one sentence each, "The system shall …", with one measurable condition. Append to each the number of the question it depends on. Leave agreed requirements untouched.`,
    },
    {
      name: "example-mapping",
      description:
        "Works from concrete examples to rules, so that people can check it line by line.",
      temperature: 0.2,
      maxTokens: 3584,
      promptTemplate: `People judge examples more reliably than rules. So derive examples first and the rules from them.

The wish:
"""
{{requirement_text}}
"""

Domain: {{domain_context}}
Who is involved: {{stakeholders}}
Already agreed:
{{existing_requirements}}

1. Invent two named persons among those involved and describe in three sentences each what they do on an ordinary day when this wish has come true.

2. From that, write a table of eight to fifteen concrete examples with the columns: number, situation, action, expected result, certain? Use real-looking values (dates, amounts, names), never "some" or "valid". Include the ordinary case, each border, a mistake by the user, a failure outside the system, and one case that should deliberately not be supported. In the last column write yes if the text settles the result, no if you had to assume it.

3. State the rules that the examples follow, each in one sentence, each listing the numbers of its examples. A rule with only one example needs a second one; an example without a rule shows a missing rule.

4. List every example marked no as a yes-or-no question in the form "In example 7, should …?".

5. Name the agreed requirements that one of the examples would break.

Keep rules and examples in the words of the domain. Do not mention screens, tables, services or any other means of building it.`,
    },
  ],
});
