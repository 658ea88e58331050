-- The tracker: what sweeps made of each customer, and moves that wait for a person.

-- A row is written when something in it changes; a customer that no sweep has seen has none.
CREATE TABLE verdicts (
    customer_id TEXT PRIMARY KEY,
    outcome BIGINT NOT NULL, -- enum sweep_outcome
    recommended BIGINT,      -- enum mode
    confidence BIGINT,
    margin BIGINT,
    saving BIGINT,           -- 1/10000 USD a month
    repeats BIGINT NOT NULL,
    required BIGINT NOT NULL,
    since BIGINT NOT NULL    -- the start of the sweep that wrote the row
)/*sqlite WITHOUT ROWID*/;

CREATE TABLE sweeps (
    id TEXT PRIMARY KEY,
    requested_by TEXT NOT NULL,
    policy TEXT NOT NULL,
    policy_sha256 TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT, -- NULL: running, or its node died
    took_us BIGINT,
    customers BIGINT,
    decided BIGINT,     -- active and living somewhere
    changed BIGINT,     -- verdicts that are others than before
    due BIGINT,
    outcomes TEXT,      -- how many of each, as a JSON object
    error TEXT
);

CREATE INDEX sweeps_by_age ON sweeps (started_at);
CREATE INDEX sweeps_unfinished ON sweeps (id) WHERE finished_at IS NULL;

CREATE TABLE proposals (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    from_mode TEXT NOT NULL,
    to_mode TEXT NOT NULL,
    state TEXT NOT NULL, -- pending, approved, rejected, expired, superseded
    decision_id TEXT NOT NULL REFERENCES decisions (id),
    confidence BIGINT NOT NULL,
    reason TEXT NOT NULL,
    saving BIGINT NOT NULL,   -- 1/10000 USD a month; negative: it costs
    plan_hash TEXT NOT NULL,  -- SHA-256 of what is agreed to
    migration_id TEXT REFERENCES migrations (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    comment TEXT
);

CREATE UNIQUE INDEX proposals_pending ON proposals (customer_id) WHERE state = 'pending';
CREATE INDEX proposals_by_customer ON proposals (customer_id, id);
CREATE INDEX proposals_by_state ON proposals (state, id);
CREATE INDEX proposals_rejected ON proposals (decided_at) WHERE state = 'rejected';
