import { seedAgentType } from "./seed-agent-type.ts";

/** Writes and improves tests. Judged by machines first (does it run, what does it cover), by people second. */
export const evolutionSeed = seedAgentType({
  agentType: "evolution",
  description:
    "Writes and improves automated tests for a piece of source code. Variables: language, code_type, test_framework, source_code, existing_tests.",
  rewardWeights: {
    test_pass_rate: 0.3,
    coverage: 0.2,
    mutation_score: 0.15,
    user_action: 0.2,
    ci_passed: 0.15,
  },
  costPenaltyPerUsd: 0.5,
  latencyPenaltyPerSecond: 0,
  attributionWindowHours: 24,
  variants: [
    {
      name: "baseline-direct",
      description: "Asks for the tests in one go, with the few rules that matter most.",
      temperature: 0.2,
      maxTokens: 4096,
      promptTemplate: `You are a senior {{language}} engineer. Write {{test_framework}} tests for the {{code_type}} below.

Source under test:
\`\`\`
{{source_code}}
\`\`\`

Tests that exist already (may be empty); do not repeat them:
\`\`\`
{{existing_tests}}
\`\`\`

Rules:
- Test observable behaviour through the public interface. Never reach into private members and never assert on log text.
- One behaviour per test. The name of a test says what is expected and under which condition.
- Cover the normal case, the boundaries of every parameter, and every error the code can raise.
- Every test must be able to fail: assert on concrete values, not merely that something is defined or does not throw.
- Tests are independent of each other, of the order they run in, of the network, the clock and the file system. Replace only what crosses such a border, and nothing inside the unit.
- If the code has a bug, write the test for the correct behaviour and mark it with a one-line comment that starts with BUG.
- Import the code under test by its real name. Invent no functions, parameters or fixtures that are not shown above.

Answer with one complete, runnable test file and nothing else: no explanation before or after it.`,
    },
    {
      name: "edge-cases-first",
      description:
        "Enumerates inputs that break code before writing a single test, then tests the riskiest.",
      temperature: 0.5,
      topP: 0.95,
      maxTokens: 6144,
      parameters: { strip_before_marker: "=== TESTS ===" },
      promptTemplate: `You are a tester whose only aim is to find inputs for which this {{language}} {{code_type}} behaves wrongly. Passing tests for the obvious case are worth little to you.

Source under test:
\`\`\`
{{source_code}}
\`\`\`

Existing {{test_framework}} tests, which you must not repeat:
\`\`\`
{{existing_tests}}
\`\`\`

Step 1: list hazards. Go through these groups and write down, one line each, every concrete input that could matter for this code; leave out groups that do not apply:
- nothing: null, absent, empty text, empty collection, zero
- borders: one below, exactly at and one above every limit that appears in the code
- size and shape: a single element, duplicates, unsorted, very long, deeply nested
- numbers: negative, fractional, overflow, not-a-number, rounding
- text: spaces only, line breaks, accents, emoji, mixed case
- state: called twice, called in the wrong order, reused after a failure, two callers at once
- surroundings: the dependency fails, answers late, answers with rubbish

Step 2: rank the list by how likely the code is to be wrong there, and keep the top ten to fifteen.

Step 3: write a line that reads exactly "=== TESTS ===" and after it one complete {{test_framework}} file: a test for each hazard you kept, with the expected value worked out by reading the intent of the code rather than by repeating its calculation, then two tests for normal use at the end. Use table-driven tests where several hazards share a shape. No prose after the marker.`,
    },
    {
      name: "spec-then-tests",
      description: "First derives a written specification, then one test per statement of it.",
      temperature: 0,
      maxTokens: 6144,
      parameters: { strip_before_marker: "=== TESTS ===", self_check: true },
      promptTemplate: `Work in two strictly separate phases. You test a {{language}} {{code_type}} with {{test_framework}}.

PHASE A: the specification. Read the source once and write down what it promises to its callers as numbered statements R1, R2, R3 and so on. Each statement has the form "Given <state and input>, <operation> <result, state change or error>". Derive promises from names, types, documentation and callers' expectations, not from the steps of the implementation. Write at least one statement for each public operation, each documented error, and each property that must hold whatever the input is (something is never negative, output has the same length as input, applying it twice changes nothing more, reversing restores the original). Mark a statement with "?" where the source contradicts its own documentation.

Source:
\`\`\`
{{source_code}}
\`\`\`

PHASE B: the tests. Write a line that reads exactly "=== TESTS ===" and after it one complete test file. For every statement write at least one test, named with its number and meaning, such as r3_rejects_negative_amounts. Statements about all inputs become property tests or a table of at least five inputs. Skip statements that these existing tests already prove:
\`\`\`
{{existing_tests}}
\`\`\`

Before you answer, check silently: does every statement have a test; would each test fail if its statement were false; is every import real; does the file run as it stands. Correct what does not hold. Output the statements, the marker and the file; nothing else.`,
    },
  ],
});
