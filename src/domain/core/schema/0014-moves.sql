-- Moves of customers that keep writing: what is shown of one, and what it was agreed to.

-- Grows with everything that is recorded about the move: who watches it sees whether it changed.
ALTER TABLE migrations ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE migrations ADD COLUMN mover TEXT; -- which kind of mover: postgres, sqlite
ALTER TABLE migrations ADD COLUMN schema_sha256 TEXT; -- of the source's catalogs when it began
ALTER TABLE migrations ADD COLUMN doing TEXT; -- the part of the step that runs just now
ALTER TABLE migrations ADD COLUMN lag_bytes BIGINT; -- of what streams; NULL: nothing does
ALTER TABLE migrations ADD COLUMN cut_attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE migrations ADD COLUMN cut_told BIGINT NOT NULL DEFAULT 0; -- people know that it waits
ALTER TABLE migrations ADD COLUMN switched_at BIGINT; -- when the target became the current place
ALTER TABLE migrations ADD COLUMN soak_until BIGINT;
ALTER TABLE migrations ADD COLUMN way_back TEXT NOT NULL DEFAULT 'none'; -- open, lost, taken, ended
ALTER TABLE migrations ADD COLUMN proof_state TEXT NOT NULL DEFAULT 'none'; -- due, equal, differs
ALTER TABLE migrations ADD COLUMN return_stall_us BIGINT;
ALTER TABLE migrations ADD COLUMN retry_of TEXT;
ALTER TABLE migrations ADD COLUMN proposal_id TEXT;

UPDATE migrations SET switched_at = finished_at, proof_state = 'equal' WHERE state = 'completed';

-- One row for each stay in a state; the newest is where the move is.
CREATE TABLE move_steps (
    migration_id TEXT NOT NULL REFERENCES migrations (id),
    position BIGINT NOT NULL,
    step TEXT NOT NULL,
    run BIGINT NOT NULL, -- the newest that worked on it
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    error TEXT, -- why an attempt at it was given back
    PRIMARY KEY (migration_id, position)
);

-- What is copied.
CREATE TABLE move_tables (
    migration_id TEXT NOT NULL REFERENCES migrations (id),
    name TEXT NOT NULL,
    reference BIGINT NOT NULL, -- no tenant column: copied whole
    rows_total BIGINT, -- estimated
    bytes_total BIGINT,
    rows_done BIGINT NOT NULL DEFAULT 0,
    bytes_done BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (migration_id, name)
);

-- What a proposal is about, so that approving it agrees to exactly that.
ALTER TABLE proposals ADD COLUMN kind TEXT NOT NULL DEFAULT 'recommended'; -- or requested: by hand
ALTER TABLE proposals ADD COLUMN requested_by TEXT; -- NULL: before this was kept
ALTER TABLE proposals ADD COLUMN requester_token TEXT; -- NULL: no person's
ALTER TABLE proposals ADD COLUMN schema_sha256 TEXT;
ALTER TABLE proposals ADD COLUMN size_class TEXT; -- of the data: small, medium, large, huge
