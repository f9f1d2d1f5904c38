-- Since when a mode is what it is: what was decided before, while nothing was learned, is not given a default reward.
ALTER TABLE service_setting ADD COLUMN mode_since timestamptz NOT NULL DEFAULT to_timestamp(0);
ALTER TABLE agent_type ADD COLUMN mode_since timestamptz NOT NULL DEFAULT to_timestamp(0);
COMMENT ON COLUMN service_setting.mode_since IS 'When the mode became what it is.';
COMMENT ON COLUMN agent_type.mode_since IS 'When the agent type''s own mode became what it is.';
