-- What was acknowledged and then refused, and what became of it. The newest version of a letter counts; a reader
-- says FINAL. The sort key is a digest of kind and content, so the same thing refused twice is one letter.

CREATE TABLE IF NOT EXISTS dead_letters
(
    dead_letter_id String COMMENT 'Digest of kind and content, 32 hexadecimal digits',
    kind LowCardinality(String) COMMENT 'decisions, generations, outcomes: a row that the table of that name refuses; spooled: a report that was refused when it was applied after an outage',
    content String COMMENT 'One JSON object: the row as it was to be inserted, or the report',
    error String COMMENT 'Error of the refusal',
    status LowCardinality(String) COMMENT 'dead: waits for an operator; replayed: inserted or applied since; dropped: counts nowhere',
    failed_at DateTime64(3, 'UTC') COMMENT 'When it was refused last',
    attempts UInt32 COMMENT 'How often it was refused',
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the status was set',
    version UInt64 COMMENT 'Number of the change; the row with the highest one holds'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY dead_letter_id
COMMENT 'One row per version of a dead letter: an acknowledged event or report that was refused later';
