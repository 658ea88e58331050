-- What became of decisions: what customers say, who stays, and how long things took.

CREATE TABLE feedback (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    score BIGINT NOT NULL CHECK (score >= 1 AND score <= 5),
    comment TEXT,
    mode TEXT NOT NULL,  -- where the customer lived when it said so, under which plan,
    plan TEXT NOT NULL,
    decision_id TEXT REFERENCES decisions (id), -- and the decision that had put it there
    recorded_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX feedback_by_customer ON feedback (customer_id, id);
CREATE INDEX feedback_by_time ON feedback (created_at, mode, score, decision_id);

-- A move that the tracker found, with the proposal or the move that it became.
CREATE TABLE detections (
    id TEXT PRIMARY KEY, -- the proposal's or the migration's
    customer_id TEXT NOT NULL REFERENCES customers (id),
    to_mode TEXT NOT NULL,
    automatic BIGINT NOT NULL, -- 1: a move; 0: a proposal
    changed_at BIGINT NOT NULL, -- the earliest moment at which the facts may have changed
    detected_at BIGINT NOT NULL
);

CREATE INDEX detections_by_time ON detections (detected_at);

-- Since which sweep a move to the recommended mode is wanted; NULL: none is.
ALTER TABLE verdicts ADD COLUMN wanted_since BIGINT;

CREATE INDEX decisions_by_trigger ON decisions (trigger, made_at, mode);
CREATE INDEX migrations_by_start ON migrations (created_at);
CREATE INDEX proposals_by_answer ON proposals (decided_at) WHERE decided_at IS NOT NULL;
CREATE INDEX proposals_by_migration ON proposals (migration_id) WHERE migration_id IS NOT NULL;
CREATE INDEX offboardings_by_start ON offboardings (created_at);
CREATE INDEX customer_facts_by_place ON customer_facts (active, mode);
