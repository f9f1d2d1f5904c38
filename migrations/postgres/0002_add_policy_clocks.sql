-- What a policy's changes must not undo: how much was forgotten so far, and since when a contextual model has
-- had its features.
ALTER TABLE policy
  ADD COLUMN forgetting_position double precision NOT NULL DEFAULT 0 CHECK (forgetting_position >= 0),
  ADD COLUMN forgetting_since timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN features_since timestamptz NOT NULL DEFAULT to_timestamp(0);
COMMENT ON COLUMN policy.forgetting_position IS 'Half-lives that had passed for the agent type at forgetting_since; of the agent type''s own policy, 0 in an override.';
COMMENT ON COLUMN policy.forgetting_since IS 'When the half-life became what it is; of the agent type''s own policy.';
COMMENT ON COLUMN policy.features_since IS 'When the features of linear_thompson became what they are; sums over other features are not mixed with these.';
