-- The raw events. A statement ends with a semicolon at the end of a line; every statement can be
-- repeated, because ClickHouse has no transactions and a file may have been applied half.
--
-- Sort keys hold immutable fields only: a row that is inserted once more (after the window of the
-- insert de-duplication tokens) has the same key and the same month, so that ReplacingMergeTree and
-- FINAL make one of it: the first, and one that was learned from before one that was only logged, because
-- that is what the posterior was given. The bloom filter finds a generation by its id alone.
--
-- A batch whose answer was lost is repeated when its process, or another one, is back: minutes later, when others
-- have inserted theirs each second. So ten thousand tokens are remembered; a thousand were a quarter of an hour of one
-- process.
--
-- Forgetting position and context are what learning needs to know of a decision beside the arm, so that posteriors can
-- be recomputed from the log. Default rewards are booked as outcomes of the source `default` with the one component
-- `default_reward`.

CREATE TABLE IF NOT EXISTS decisions
(
    generation_id UUID COMMENT 'The task this decision was made for; the key that joins everything',
    agent_type LowCardinality(String) COMMENT 'Kind of agent that asked',
    code_type LowCardinality(String) COMMENT 'Kind of input the task works on',
    agent_id String COMMENT 'The running agent that asked',
    conversation_id String COMMENT 'Conversation the task belongs to; empty when none was given',
    variant_id LowCardinality(String) COMMENT 'The arm that was served',
    source LowCardinality(String) COMMENT 'Why this arm: exploit, explore, experiment, holdout, static, fallback',
    propensity Float64 COMMENT 'Probability with which this arm was chosen, (0, 1]',
    allocation_version String COMMENT 'Version of the allocation the arm was drawn from',
    arm_variant_ids Array(LowCardinality(String)) COMMENT 'Every arm that could have been served, sorted by id',
    arm_probabilities Array(Float64) COMMENT 'Probability of each of arm_variant_ids, adds up to 1',
    features Map(LowCardinality(String), Float64) COMMENT 'Features of the input that the caller gave',
    experiment_id LowCardinality(String) COMMENT 'Experiment the decision belongs to; empty when none',
    experiment_arm LowCardinality(String) COMMENT 'Arm of that experiment; empty when none',
    mode LowCardinality(String) COMMENT 'Mode in force: learning, frozen, static',
    degraded UInt8 COMMENT '1 when a dependency was down and the service fell back',
    degraded_reason LowCardinality(String) COMMENT 'Dependency that was down; empty unless degraded',
    decided_at DateTime64(3, 'UTC') COMMENT 'When the decision was made',
    forgetting_position Float64 COMMENT 'Half-lives that had passed for the agent type at the decision; 0 where nothing is forgotten',
    context_epoch UInt64 COMMENT 'Time of the last change of the features in context, Unix milliseconds; 0 without a context',
    context Array(Float64) COMMENT 'The intercept''s 1 and the standardised features; empty unless a contextual policy decided',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row reached ClickHouse',
    row_rank UInt64 MATERIALIZED toUInt64(4611686018427387904 - toUnixTimestamp64Milli(ingested_at)) COMMENT 'The first of several copies of a row has the highest',
    INDEX decisions_by_generation generation_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(row_rank)
PARTITION BY toYYYYMM(decided_at)
ORDER BY (agent_type, code_type, generation_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One row per decision: which arm was served for a task, and with what probability';

CREATE TABLE IF NOT EXISTS generations
(
    generation_id UUID COMMENT 'The task that was run',
    agent_type LowCardinality(String) COMMENT 'Kind of agent that ran it',
    code_type LowCardinality(String) COMMENT 'Kind of input it worked on',
    variant_id LowCardinality(String) COMMENT 'The arm that was served for it',
    model LowCardinality(String) COMMENT 'Language model that was really used',
    temperature Nullable(Float64) COMMENT 'Sampling temperature; NULL when not reported',
    top_p Nullable(Float64) COMMENT 'Nucleus sampling threshold; NULL when not reported',
    max_tokens Nullable(UInt32) COMMENT 'Limit of completion tokens; NULL when not reported',
    duration_ms Nullable(Float64) COMMENT 'Wall time of the task in milliseconds; NULL when not reported',
    prompt_tokens Nullable(UInt32) COMMENT 'Tokens of the prompt; NULL when not reported',
    completion_tokens Nullable(UInt32) COMMENT 'Tokens of the completion; NULL when not reported',
    cost_usd Nullable(Float64) COMMENT 'Cost in US dollars; NULL when not reported',
    tests_generated Nullable(UInt32) COMMENT 'Number of tests generated; NULL when not reported',
    code_hash String COMMENT 'Digest of the input, chosen by the agent',
    content String COMMENT 'Generated content; empty unless the operator switched content storage on',
    reward_components Array(LowCardinality(String)) COMMENT 'Components this report contributes to: cost, latency',
    reward_values Array(Float64) COMMENT 'Value of each component, in [0, 1] unless it is unbounded; 0 for a penalty',
    reward_weights Array(Float64) COMMENT 'Weight of each component; 0 for a penalty',
    reward_penalties Array(Float64) COMMENT 'Reward lost by each component; 0 for a reward component',
    learned UInt8 COMMENT '1 when the posterior was given these contributions, 0 when they were only logged',
    late UInt8 COMMENT '1 when reported after the attribution window',
    decided_at DateTime64(3, 'UTC') COMMENT 'When the decision for this task was made',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When the report was received',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row reached ClickHouse',
    row_rank UInt64 MATERIALIZED toUInt64(learned * 4611686018427387904 + 4611686018427387904 - toUnixTimestamp64Milli(ingested_at)) COMMENT 'Highest for a copy that was learned from, then for the first',
    INDEX generations_by_generation generation_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(row_rank)
PARTITION BY toYYYYMM(decided_at)
ORDER BY (agent_type, code_type, generation_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One row per finished task: what the agent ran and what it cost';

CREATE TABLE IF NOT EXISTS outcomes
(
    outcome_id String COMMENT 'Id of this outcome, given by its reporter; unique within its generation',
    generation_id UUID COMMENT 'The task this outcome is about',
    agent_type LowCardinality(String) COMMENT 'Kind of agent that ran the task',
    code_type LowCardinality(String) COMMENT 'Kind of input the task worked on',
    variant_id LowCardinality(String) COMMENT 'The arm that was served for the task',
    source LowCardinality(String) COMMENT 'Where it comes from: test_run, user_rating, user_action, ci, custom; default: the default reward of a task that none was reported for',
    metrics Map(LowCardinality(String), Float64) COMMENT 'Metric name to raw value, for example test_pass_rate, rating_overall, ci_passed',
    action LowCardinality(String) COMMENT 'accepted, edited or deleted; empty for other sources',
    comment String COMMENT 'Free text of a rating; empty when none',
    user_hash String COMMENT 'Keyed hash of the user id; empty when none',
    ci_pipeline LowCardinality(String) COMMENT 'CI pipeline; empty for other sources',
    ci_url String COMMENT 'Address of the CI run; empty when none',
    reward_components Array(LowCardinality(String)) COMMENT 'Reward components this outcome contributes to; default_reward counts only as long as no other is known',
    reward_values Array(Float64) COMMENT 'Value of each component, in [0, 1] unless it is unbounded; 0 for a penalty',
    reward_weights Array(Float64) COMMENT 'Weight of each component; 0 for a penalty',
    reward_penalties Array(Float64) COMMENT 'Reward lost by each component; 0 for a reward component',
    learned UInt8 COMMENT '1 when the posterior was given these contributions, 0 when they were only logged',
    late UInt8 COMMENT '1 when it arrived after the attribution window',
    decided_at DateTime64(3, 'UTC') COMMENT 'When the decision for the task was made',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the reporter''s clock',
    received_at DateTime64(3, 'UTC') COMMENT 'When the service received it',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row reached ClickHouse',
    row_rank UInt64 MATERIALIZED toUInt64(learned * 4611686018427387904 + 4611686018427387904 - toUnixTimestamp64Milli(ingested_at)) COMMENT 'Highest for a copy that was learned from, then for the first',
    INDEX outcomes_by_generation generation_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(row_rank)
PARTITION BY toYYYYMM(decided_at)
ORDER BY (agent_type, code_type, generation_id, outcome_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One row per outcome: a test run, rating, user action, CI result or custom metric of a task';
