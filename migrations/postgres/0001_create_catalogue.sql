-- The catalogue: what may be served, under which policy, in which mode, and who changed it.
--
-- A change of a policy must not undo how much was forgotten so far, nor since when a contextual model has had its
-- features. What was decided before mode_since, while nothing was learned, is not given a default reward.

CREATE TABLE service_setting (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  mode text NOT NULL CHECK (mode IN ('learning', 'frozen', 'static')),
  revision bigint NOT NULL CHECK (revision >= 0),
  updated_at timestamptz NOT NULL,
  mode_since timestamptz NOT NULL DEFAULT to_timestamp(0)
);
COMMENT ON TABLE service_setting IS 'One row: settings of the whole service, and the revision of the catalogue.';
COMMENT ON COLUMN service_setting.only_row IS 'Always true: keeps the table at one row.';
COMMENT ON COLUMN service_setting.mode IS 'learning, frozen or static (the kill switch: all traffic gets the baseline).';
COMMENT ON COLUMN service_setting.revision IS 'Grows by one with every write to the catalogue; replicas poll it. Every writer locks this row first.';
COMMENT ON COLUMN service_setting.updated_at IS 'Time of the last write to the catalogue.';
COMMENT ON COLUMN service_setting.mode_since IS 'Time of the last change of the mode.';

INSERT INTO service_setting (mode, revision, updated_at) VALUES ('learning', 0, now());

CREATE TABLE agent_type (
  agent_type text PRIMARY KEY CHECK (agent_type ~ '^[a-z][a-z0-9_-]{0,63}$'),
  description text NOT NULL,
  mode text NOT NULL CHECK (mode IN ('learning', 'frozen', 'static')),
  created_at timestamptz NOT NULL,
  mode_since timestamptz NOT NULL DEFAULT to_timestamp(0)
);
COMMENT ON TABLE agent_type IS 'Kinds of agents that ask for variants.';
COMMENT ON COLUMN agent_type.agent_type IS 'Name, e.g. evolution.';
COMMENT ON COLUMN agent_type.description IS 'What agents of this type do, for people.';
COMMENT ON COLUMN agent_type.mode IS 'learning, frozen or static; the stricter of this and the service''s mode is in force.';
COMMENT ON COLUMN agent_type.created_at IS 'Time of creation.';
COMMENT ON COLUMN agent_type.mode_since IS 'Time of the last change of the agent type''s own mode.';

CREATE TABLE policy (
  agent_type text NOT NULL REFERENCES agent_type (agent_type),
  code_type text NOT NULL DEFAULT '' CHECK (length(code_type) <= 64),
  policy jsonb NOT NULL CHECK (jsonb_typeof(policy) = 'object'),
  etag bigint NOT NULL,
  updated_at timestamptz NOT NULL,
  forgetting_position double precision NOT NULL CHECK (forgetting_position >= 0),
  forgetting_since timestamptz NOT NULL,
  features_since timestamptz NOT NULL,
  PRIMARY KEY (agent_type, code_type)
);
COMMENT ON TABLE policy IS 'How posteriors become shares and outcomes become rewards: one per agent type, with overrides per code type.';
COMMENT ON COLUMN policy.agent_type IS 'Agent type it governs.';
COMMENT ON COLUMN policy.code_type IS 'Code type it overrides the agent type''s own policy for; empty: the agent type''s own policy.';
COMMENT ON COLUMN policy.policy IS 'Algorithm, reward specification, shares, prior and windows.';
COMMENT ON COLUMN policy.etag IS 'Revision of the catalogue at the last change of this row.';
COMMENT ON COLUMN policy.updated_at IS 'Time of the last change.';
COMMENT ON COLUMN policy.forgetting_position IS 'Half-lives that had passed for the agent type at forgetting_since; of the agent type''s own policy, 0 in an override.';
COMMENT ON COLUMN policy.forgetting_since IS 'Time of the last change of the half-life; of the agent type''s own policy.';
COMMENT ON COLUMN policy.features_since IS 'Time of the last change of the features of linear_thompson; sums over other features are not mixed with these.';

CREATE TABLE prompt_variant (
  id text PRIMARY KEY,
  agent_type text NOT NULL REFERENCES agent_type (agent_type),
  name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_-]{0,63}$'),
  version integer NOT NULL CHECK (version BETWEEN 1 AND 999999),
  status text NOT NULL CHECK (status IN ('draft', 'candidate', 'active', 'retired')),
  is_baseline boolean NOT NULL,
  description text NOT NULL,
  prompt_template text NOT NULL CHECK (length(prompt_template) BETWEEN 1 AND 65536),
  model text NOT NULL,
  temperature double precision CHECK (temperature BETWEEN 0 AND 2),
  top_p double precision CHECK (top_p > 0 AND top_p <= 1),
  max_tokens integer CHECK (max_tokens >= 1),
  parameters jsonb NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
  created_by text NOT NULL CHECK (created_by IN ('human', 'llm_optimized')),
  parent_id text REFERENCES prompt_variant (id),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  etag bigint NOT NULL,
  CONSTRAINT prompt_variant_version_key UNIQUE (agent_type, name, version),
  CONSTRAINT prompt_variant_id_check CHECK (id = agent_type || '/' || name || '@' || version),
  CONSTRAINT prompt_variant_baseline_check CHECK (NOT is_baseline OR status = 'active')
);
CREATE UNIQUE INDEX prompt_variant_one_baseline ON prompt_variant (agent_type) WHERE is_baseline;
CREATE INDEX prompt_variant_parent ON prompt_variant (parent_id) WHERE parent_id IS NOT NULL;
COMMENT ON TABLE prompt_variant IS 'Arms of the bandit: prompt, model and sampling parameters. Content never changes; new content is a new version.';
COMMENT ON COLUMN prompt_variant.id IS '<agent_type>/<name>@<version>, unique for ever.';
COMMENT ON COLUMN prompt_variant.agent_type IS 'Agent type it can be served to.';
COMMENT ON COLUMN prompt_variant.name IS 'Name, the same over all its versions.';
COMMENT ON COLUMN prompt_variant.version IS '1, 2, 3, … within (agent_type, name).';
COMMENT ON COLUMN prompt_variant.status IS 'draft: not served; candidate: experiment traffic only; active: in the pool; retired: not served again.';
COMMENT ON COLUMN prompt_variant.is_baseline IS 'The one active variant of its agent type that is served when nothing else may be.';
COMMENT ON COLUMN prompt_variant.description IS 'What is different about it, for people.';
COMMENT ON COLUMN prompt_variant.prompt_template IS 'Prompt with {{variable}} places.';
COMMENT ON COLUMN prompt_variant.model IS 'Model name as the agent''s LLM client knows it; empty: the agent chooses.';
COMMENT ON COLUMN prompt_variant.temperature IS 'Sampling temperature, 0 to 2; null: the model''s default.';
COMMENT ON COLUMN prompt_variant.top_p IS 'Nucleus sampling, above 0 up to 1; null: the model''s default.';
COMMENT ON COLUMN prompt_variant.max_tokens IS 'Most tokens to generate; null: the model''s default.';
COMMENT ON COLUMN prompt_variant.parameters IS 'Anything else the agent varies, as a JSON object.';
COMMENT ON COLUMN prompt_variant.created_by IS 'human or llm_optimized.';
COMMENT ON COLUMN prompt_variant.parent_id IS 'Variant it was derived from; null: none.';
COMMENT ON COLUMN prompt_variant.created_at IS 'Time of creation.';
COMMENT ON COLUMN prompt_variant.updated_at IS 'Time of the last change of status or baseline.';
COMMENT ON COLUMN prompt_variant.etag IS 'Revision of the catalogue at the last change of this row.';

CREATE FUNCTION refuse_content_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the content of variant % never changes: store a new version', OLD.id
    USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER prompt_variant_content_is_fixed
  BEFORE UPDATE ON prompt_variant FOR EACH ROW
  WHEN ((OLD.id, OLD.description, OLD.prompt_template, OLD.model, OLD.temperature, OLD.top_p,
         OLD.max_tokens, OLD.parameters, OLD.created_by, OLD.parent_id, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.description, NEW.prompt_template, NEW.model, NEW.temperature, NEW.top_p,
         NEW.max_tokens, NEW.parameters, NEW.created_by, NEW.parent_id, NEW.created_at))
  EXECUTE FUNCTION refuse_content_change();

CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  revision bigint NOT NULL,
  actor text NOT NULL CHECK (length(actor) BETWEEN 1 AND 128),
  action text NOT NULL,
  resource text NOT NULL,
  before jsonb,
  after jsonb,
  reason text NOT NULL DEFAULT ''
);
CREATE INDEX audit_log_resource ON audit_log (resource, id);
COMMENT ON TABLE audit_log IS 'Who changed what in the catalogue, written in the transaction of the change itself.';
COMMENT ON COLUMN audit_log.id IS 'Order of the entries.';
COMMENT ON COLUMN audit_log.at IS 'Time of the change.';
COMMENT ON COLUMN audit_log.revision IS 'Revision of the catalogue that the change made; the entries of one call share it.';
COMMENT ON COLUMN audit_log.actor IS 'Who did it, e.g. cli, seed, rpc:127.0.0.1.';
COMMENT ON COLUMN audit_log.action IS 'create_agent_type, put_policy, delete_policy, create_variant, change_variant or set_mode.';
COMMENT ON COLUMN audit_log.resource IS 'What was changed: service, agent_type/<name>, policy/<agent type>[/<code type>] or variant/<id>.';
COMMENT ON COLUMN audit_log.before IS 'The resource before; null: it did not exist.';
COMMENT ON COLUMN audit_log.after IS 'The resource after; null: it is gone.';
COMMENT ON COLUMN audit_log.reason IS 'Reason that the caller gave; empty for actions without one.';
