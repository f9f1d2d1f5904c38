-- What analysts start from. FINAL everywhere, so that a row that was inserted twice counts once.

-- A default reward is a reward, but nobody's outcome.
CREATE OR REPLACE VIEW generation_full
(
    generation_id UUID COMMENT 'The task',
    agent_type String COMMENT 'Kind of agent',
    code_type String COMMENT 'Kind of input',
    agent_id String COMMENT 'The running agent that asked',
    conversation_id String COMMENT 'Conversation the task belongs to; empty when none',
    variant_id String COMMENT 'The arm that was served',
    source String COMMENT 'Why this arm: exploit, explore, experiment, holdout, static, fallback',
    propensity Float64 COMMENT 'Probability with which this arm was chosen',
    allocation_version String COMMENT 'Version of the allocation the arm was drawn from',
    arm_variant_ids Array(String) COMMENT 'Every arm that could have been served',
    arm_probabilities Array(Float64) COMMENT 'Probability of each of arm_variant_ids',
    features Map(String, Float64) COMMENT 'Features of the input',
    experiment_id String COMMENT 'Experiment; empty when none',
    experiment_arm String COMMENT 'Arm of that experiment; empty when none',
    mode String COMMENT 'Mode in force at the decision',
    degraded UInt8 COMMENT '1 when the service fell back',
    degraded_reason String COMMENT 'Dependency that was down; empty unless degraded',
    decided_at DateTime64(3, 'UTC') COMMENT 'When the decision was made',
    forgetting_position Float64 COMMENT 'Half-lives that had passed for the agent type at the decision; 0 where nothing is forgotten',
    context_epoch UInt64 COMMENT 'Time of the last change of the features in context, Unix milliseconds; 0 without a context',
    context Array(Float64) COMMENT 'The intercept''s 1 and the standardised features; empty unless a contextual policy decided',
    reported UInt8 COMMENT '1 when the agent reported the run',
    model String COMMENT 'Language model used; empty until reported',
    temperature Nullable(Float64) COMMENT 'Sampling temperature',
    top_p Nullable(Float64) COMMENT 'Nucleus sampling threshold',
    max_tokens Nullable(UInt32) COMMENT 'Limit of completion tokens',
    duration_ms Nullable(Float64) COMMENT 'Wall time of the task in milliseconds',
    prompt_tokens Nullable(UInt32) COMMENT 'Tokens of the prompt',
    completion_tokens Nullable(UInt32) COMMENT 'Tokens of the completion',
    cost_usd Nullable(Float64) COMMENT 'Cost in US dollars',
    tests_generated Nullable(UInt32) COMMENT 'Number of tests generated',
    code_hash String COMMENT 'Digest of the input',
    recorded_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the run was reported',
    outcomes UInt64 COMMENT 'Number of outcomes; a default reward is none',
    outcome_sources Array(String) COMMENT 'Kinds of outcomes it has, sorted; a default reward is none',
    late_outcomes UInt64 COMMENT 'Outcomes that came after the attribution window',
    first_outcome_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the first outcome happened',
    metrics Map(String, Float64) COMMENT 'Newest value of every metric',
    tests_passed Nullable(Float64) COMMENT 'Tests passed in the newest test run',
    tests_failed Nullable(Float64) COMMENT 'Tests failed in the newest test run',
    test_pass_rate Nullable(Float64) COMMENT 'passed / (passed + failed) of the newest test run, [0, 1]',
    coverage Nullable(Float64) COMMENT 'Line coverage of the newest test run, [0, 1]',
    mutation_score Nullable(Float64) COMMENT 'Share of mutants killed, [0, 1]',
    rating_coverage Nullable(Float64) COMMENT 'Newest rating of the coverage, 1 to 5',
    rating_quality Nullable(Float64) COMMENT 'Newest rating of the quality, 1 to 5',
    rating_relevance Nullable(Float64) COMMENT 'Newest rating of the relevance, 1 to 5',
    rating_overall Nullable(Float64) COMMENT 'Newest overall rating, 1 to 5',
    user_action Nullable(Float64) COMMENT '1 accepted, 0 deleted, 1 minus edit distance when edited',
    action String COMMENT 'Newest user action: accepted, edited, deleted; empty when none',
    edit_distance Nullable(Float64) COMMENT 'Share of the text that the user changed, [0, 1]',
    ci_passed Nullable(Float64) COMMENT '1 when the newest CI run passed, 0 when it failed',
    reward Nullable(Float64) COMMENT 'Reward R booked into the posterior, in [0, reward_weight] unless a component is unbounded; NULL when nothing was learned',
    reward_weight Float64 COMMENT 'Weight W of the components known so far; the posterior gained R and W - R',
    reward_by_default UInt8 COMMENT '1 when the default reward of the policy counts, because no outcome gave a reward'
)
AS
WITH
    newest_metrics AS
    (
        SELECT
            generation_id,
            CAST((groupArray(metric), groupArray(newest)), 'Map(String, Float64)') AS metrics
        FROM
        (
            SELECT
                generation_id,
                CAST(entry.1, 'String') AS metric,
                argMax(entry.2, (occurred_at, outcome_id)) AS newest
            FROM
            (
                SELECT
                    generation_id,
                    occurred_at,
                    outcome_id,
                    arrayJoin(arrayZip(mapKeys(metrics), mapValues(metrics))) AS entry
                FROM outcomes FINAL
            )
            GROUP BY generation_id, metric
            ORDER BY generation_id, metric
        )
        GROUP BY generation_id
    ),
    outcome_facts AS
    (
        SELECT
            generation_id,
            count() AS outcomes,
            arraySort(groupUniqArray(CAST(source, 'String'))) AS outcome_sources,
            sum(late) AS late_outcomes,
            min(occurred_at) AS first_outcome_at,
            CAST(argMaxIf(action, (occurred_at, outcome_id), action != ''), 'String') AS newest_action
        FROM outcomes FINAL
        WHERE source != 'default'
        GROUP BY generation_id
    ),
    rewards AS
    (
        SELECT
            generation_id,
            sumIf(newest.2, component != 'default_reward') AS known_weight,
            sumIf(newest.2, component = 'default_reward') AS default_weight,
            if(known_weight > 0, known_weight, default_weight) AS reward_weight,
            known_weight = 0 AND default_weight > 0 AS reward_by_default,
            if(known_weight > 0,
                sumIf(newest.1 * newest.2, component != 'default_reward'),
                sumIf(newest.1 * newest.2, component = 'default_reward')) AS earned,
            if(known_weight > 0,
                sumIf(least(newest.1, 0) * newest.2, component != 'default_reward'),
                sumIf(least(newest.1, 0) * newest.2, component = 'default_reward')) AS lowest,
            if(known_weight > 0,
                sumIf(greatest(newest.1, 1) * newest.2, component != 'default_reward'),
                sumIf(greatest(newest.1, 1) * newest.2, component = 'default_reward')) AS highest,
            least(greatest(earned - sum(newest.3), lowest), highest) AS reward
        FROM
        (
            SELECT
                generation_id,
                part.1 AS component,
                argMax((part.2, part.3, part.4), (occurred_at, event_id)) AS newest
            FROM
            (
                SELECT
                    generation_id,
                    occurred_at,
                    concat('outcome:', outcome_id) AS event_id,
                    arrayJoin(arrayZip(CAST(reward_components, 'Array(String)'), reward_values, reward_weights, reward_penalties)) AS part
                FROM outcomes FINAL
                WHERE learned = 1
                UNION ALL
                SELECT
                    generation_id,
                    recorded_at AS occurred_at,
                    'generation' AS event_id,
                    arrayJoin(arrayZip(CAST(reward_components, 'Array(String)'), reward_values, reward_weights, reward_penalties)) AS part
                FROM generations FINAL
                WHERE learned = 1
            )
            GROUP BY generation_id, component
        )
        GROUP BY generation_id
    )
SELECT
    d.generation_id AS generation_id,
    d.agent_type AS agent_type,
    d.code_type AS code_type,
    d.agent_id AS agent_id,
    d.conversation_id AS conversation_id,
    d.variant_id AS variant_id,
    d.source AS source,
    d.propensity AS propensity,
    d.allocation_version AS allocation_version,
    d.arm_variant_ids AS arm_variant_ids,
    d.arm_probabilities AS arm_probabilities,
    d.features AS features,
    d.experiment_id AS experiment_id,
    d.experiment_arm AS experiment_arm,
    d.mode AS mode,
    d.degraded AS degraded,
    d.degraded_reason AS degraded_reason,
    d.decided_at AS decided_at,
    d.forgetting_position AS forgetting_position,
    d.context_epoch AS context_epoch,
    d.context AS context,
    g.recorded_at > toDateTime64(0, 3, 'UTC') AS reported,
    g.model AS model,
    g.temperature AS temperature,
    g.top_p AS top_p,
    g.max_tokens AS max_tokens,
    g.duration_ms AS duration_ms,
    g.prompt_tokens AS prompt_tokens,
    g.completion_tokens AS completion_tokens,
    g.cost_usd AS cost_usd,
    g.tests_generated AS tests_generated,
    g.code_hash AS code_hash,
    nullIf(g.recorded_at, toDateTime64(0, 3, 'UTC')) AS recorded_at,
    f.outcomes AS outcomes,
    f.outcome_sources AS outcome_sources,
    f.late_outcomes AS late_outcomes,
    nullIf(f.first_outcome_at, toDateTime64(0, 3, 'UTC')) AS first_outcome_at,
    m.metrics AS metrics,
    if(mapContains(m.metrics, 'tests_passed'), m.metrics['tests_passed'], NULL) AS tests_passed,
    if(mapContains(m.metrics, 'tests_failed'), m.metrics['tests_failed'], NULL) AS tests_failed,
    if(mapContains(m.metrics, 'test_pass_rate'), m.metrics['test_pass_rate'], NULL) AS test_pass_rate,
    if(mapContains(m.metrics, 'coverage'), m.metrics['coverage'], NULL) AS coverage,
    if(mapContains(m.metrics, 'mutation_score'), m.metrics['mutation_score'], NULL) AS mutation_score,
    if(mapContains(m.metrics, 'rating_coverage'), m.metrics['rating_coverage'], NULL) AS rating_coverage,
    if(mapContains(m.metrics, 'rating_quality'), m.metrics['rating_quality'], NULL) AS rating_quality,
    if(mapContains(m.metrics, 'rating_relevance'), m.metrics['rating_relevance'], NULL) AS rating_relevance,
    if(mapContains(m.metrics, 'rating_overall'), m.metrics['rating_overall'], NULL) AS rating_overall,
    if(mapContains(m.metrics, 'user_action'), m.metrics['user_action'], NULL) AS user_action,
    f.newest_action AS action,
    if(mapContains(m.metrics, 'edit_distance'), m.metrics['edit_distance'], NULL) AS edit_distance,
    if(mapContains(m.metrics, 'ci_passed'), m.metrics['ci_passed'], NULL) AS ci_passed,
    if(r.reward_weight > 0, r.reward, NULL) AS reward,
    r.reward_weight AS reward_weight,
    r.reward_by_default AS reward_by_default
FROM (SELECT * FROM decisions FINAL) AS d
LEFT JOIN (SELECT * FROM generations FINAL) AS g ON g.generation_id = d.generation_id
LEFT JOIN outcome_facts AS f ON f.generation_id = d.generation_id
LEFT JOIN newest_metrics AS m ON m.generation_id = d.generation_id
LEFT JOIN rewards AS r ON r.generation_id = d.generation_id
SETTINGS join_use_nulls = 0
COMMENT 'One row per task: decision, run and outcomes joined, newest value of every metric, reward as booked into the posterior';

CREATE OR REPLACE VIEW arm_performance_daily
(
    day Date COMMENT 'Day of the decisions, UTC',
    agent_type String COMMENT 'Kind of agent',
    code_type String COMMENT 'Kind of input',
    variant_id String COMMENT 'The arm',
    decisions UInt64 COMMENT 'Times it was served',
    generations UInt64 COMMENT 'Of these, with a reported run',
    outcomes UInt64 COMMENT 'Outcomes received for these decisions, whenever they came',
    rewarded_generations UInt64 COMMENT 'Decisions the arm has learned from',
    reward Float64 COMMENT 'Sum of the rewards R',
    reward_weight Float64 COMMENT 'Sum of the weights W',
    mean_reward Nullable(Float64) COMMENT 'reward / reward_weight, [0, 1]; NULL without rewards',
    test_pass_rate Nullable(Float64) COMMENT 'Mean share of passed tests',
    coverage Nullable(Float64) COMMENT 'Mean line coverage',
    rating_overall Nullable(Float64) COMMENT 'Mean overall rating, 1 to 5',
    rating_quality Nullable(Float64) COMMENT 'Mean rating of the quality, 1 to 5',
    edit_distance Nullable(Float64) COMMENT 'Mean share of the text that users changed, over edited ones',
    ci_pass_rate Nullable(Float64) COMMENT 'Share of passed CI runs',
    cost_usd Float64 COMMENT 'Sum of the costs in US dollars',
    cost_usd_mean Nullable(Float64) COMMENT 'Mean cost of a run in US dollars',
    duration_ms_p50 Nullable(Float64) COMMENT 'Median duration of a run in milliseconds',
    duration_ms_p95 Nullable(Float64) COMMENT '95th percentile of the duration in milliseconds',
    mean_propensity Float64 COMMENT 'Mean probability with which it was chosen',
    explored UInt64 COMMENT 'Decisions served to explore',
    degraded_decisions UInt64 COMMENT 'Decisions made while a dependency was down'
)
AS
SELECT
    toDate(decided_at) AS day,
    agent_type,
    code_type,
    variant_id,
    count() AS decisions,
    countIf(f.reported = 1) AS generations,
    sum(f.outcomes) AS outcomes,
    countIf(f.reward_weight > 0) AS rewarded_generations,
    sum(ifNull(f.reward, 0)) AS reward,
    sum(f.reward_weight) AS reward_weight,
    if(sum(f.reward_weight) > 0, sum(ifNull(f.reward, 0)) / sum(f.reward_weight), NULL) AS mean_reward,
    avg(f.test_pass_rate) AS test_pass_rate,
    avg(f.coverage) AS coverage,
    avg(f.rating_overall) AS rating_overall,
    avg(f.rating_quality) AS rating_quality,
    avgIf(f.edit_distance, f.action = 'edited') AS edit_distance,
    avg(f.ci_passed) AS ci_pass_rate,
    sum(ifNull(f.cost_usd, 0)) AS cost_usd,
    avg(f.cost_usd) AS cost_usd_mean,
    quantileExact(0.5)(f.duration_ms) AS duration_ms_p50,
    quantileExact(0.95)(f.duration_ms) AS duration_ms_p95,
    avg(f.propensity) AS mean_propensity,
    countIf(f.source = 'explore') AS explored,
    countIf(f.degraded = 1) AS degraded_decisions
FROM generation_full AS f
GROUP BY day, agent_type, code_type, variant_id
COMMENT 'Performance of every arm, by day of the decision';

CREATE OR REPLACE VIEW agent_performance_daily
(
    day Date COMMENT 'Day of the decisions, UTC',
    agent_type String COMMENT 'Kind of agent',
    decisions UInt64 COMMENT 'Decisions made',
    generations UInt64 COMMENT 'Of these, with a reported run',
    outcomes UInt64 COMMENT 'Outcomes received for these decisions, whenever they came',
    agents UInt64 COMMENT 'Distinct running agents',
    code_types UInt64 COMMENT 'Distinct kinds of input',
    variants UInt64 COMMENT 'Distinct arms served',
    mean_reward Nullable(Float64) COMMENT 'Sum of R / sum of W, [0, 1]; NULL without rewards',
    test_pass_rate Nullable(Float64) COMMENT 'Mean share of passed tests',
    coverage Nullable(Float64) COMMENT 'Mean line coverage',
    satisfaction Nullable(Float64) COMMENT 'Mean overall rating, 1 to 5',
    ci_pass_rate Nullable(Float64) COMMENT 'Share of passed CI runs',
    tests_generated UInt64 COMMENT 'Tests generated',
    cost_usd Float64 COMMENT 'Sum of the costs in US dollars',
    cost_usd_per_generation Nullable(Float64) COMMENT 'cost_usd / generations; NULL without generations',
    duration_ms_p50 Nullable(Float64) COMMENT 'Median duration of a run in milliseconds',
    duration_ms_p95 Nullable(Float64) COMMENT '95th percentile of the duration in milliseconds',
    feedback_share Float64 COMMENT 'Decisions with at least one outcome / decisions',
    explored_share Float64 COMMENT 'Decisions served to explore / decisions',
    degraded_share Float64 COMMENT 'Decisions made while a dependency was down / decisions'
)
AS
SELECT
    toDate(decided_at) AS day,
    agent_type,
    count() AS decisions,
    countIf(f.reported = 1) AS generations,
    sum(f.outcomes) AS outcomes,
    uniqExactIf(f.agent_id, f.agent_id != '') AS agents,
    uniqExact(f.code_type) AS code_types,
    uniqExact(f.variant_id) AS variants,
    if(sum(f.reward_weight) > 0, sum(ifNull(f.reward, 0)) / sum(f.reward_weight), NULL) AS mean_reward,
    avg(f.test_pass_rate) AS test_pass_rate,
    avg(f.coverage) AS coverage,
    avg(f.rating_overall) AS satisfaction,
    avg(f.ci_passed) AS ci_pass_rate,
    sum(ifNull(f.tests_generated, 0)) AS tests_generated,
    sum(ifNull(f.cost_usd, 0)) AS cost_usd,
    if(countIf(f.reported = 1) > 0, sum(ifNull(f.cost_usd, 0)) / countIf(f.reported = 1), NULL) AS cost_usd_per_generation,
    quantileExact(0.5)(f.duration_ms) AS duration_ms_p50,
    quantileExact(0.95)(f.duration_ms) AS duration_ms_p95,
    countIf(f.outcomes > 0) / count() AS feedback_share,
    countIf(f.source = 'explore') / count() AS explored_share,
    countIf(f.degraded = 1) / count() AS degraded_share
FROM generation_full AS f
GROUP BY day, agent_type
COMMENT 'How every kind of agent did, by day of the decision';
