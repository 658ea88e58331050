-- name: move_insert
INSERT INTO migrations (id, customer_id, from_mode, to_mode, state, reason, requested_by,
                        decision_id, source_id, target_id, run, created_at, retry_of, proposal_id,
                        schema_sha256)
VALUES ($1, $2, $3, $4, 'requested', $5, $6, $7, $8, $9, 0, $10, $11, $12, $13);

-- name: move_by_id
SELECT m.id, m.customer_id, c.slug AS customer_slug, c.name AS customer_name, m.from_mode,
       m.to_mode, m.state, m.reason, m.requested_by, m.decision_id, m.source_id, m.target_id,
       m.mover, m.rows_copied, m.stall_us, m.return_stall_us, m.lag_bytes, m.doing, m.cut_attempts,
       m.cut_told, m.switched_at, m.soak_until, m.way_back, m.proof_state, m.proof,
       m.schema_sha256, m.error, m.retry_of, m.proposal_id, m.run, m.version, m.created_at,
       m.finished_at
FROM migrations m JOIN customers c ON c.id = m.customer_id
WHERE m.id = $1;

-- name: move_latest_of
SELECT m.id, m.customer_id, c.slug AS customer_slug, c.name AS customer_name, m.from_mode,
       m.to_mode, m.state, m.reason, m.requested_by, m.decision_id, m.source_id, m.target_id,
       m.mover, m.rows_copied, m.stall_us, m.return_stall_us, m.lag_bytes, m.doing, m.cut_attempts,
       m.cut_told, m.switched_at, m.soak_until, m.way_back, m.proof_state, m.proof,
       m.schema_sha256, m.error, m.retry_of, m.proposal_id, m.run, m.version, m.created_at,
       m.finished_at
FROM migrations m JOIN customers c ON c.id = m.customer_id
WHERE m.customer_id = $1 ORDER BY m.id DESC LIMIT 1;

-- name: move_running_of
SELECT id FROM migrations WHERE customer_id = $1 AND finished_at IS NULL;

-- name: move_page
SELECT m.id, m.customer_id, c.slug AS customer_slug, c.name AS customer_name, m.from_mode,
       m.to_mode, m.state, m.reason, m.requested_by, m.decision_id, m.source_id, m.target_id,
       m.mover, m.rows_copied, m.stall_us, m.return_stall_us, m.lag_bytes, m.doing, m.cut_attempts,
       m.cut_told, m.switched_at, m.soak_until, m.way_back, m.proof_state, m.proof,
       m.schema_sha256, m.error, m.retry_of, m.proposal_id, m.run, m.version, m.created_at,
       m.finished_at
FROM migrations m JOIN customers c ON c.id = m.customer_id
WHERE m.id < $1 AND (CAST($3 AS TEXT) IS NULL OR m.customer_id = $3)
  AND (CAST($4 AS TEXT) IS NULL OR m.state = $4)
ORDER BY m.id DESC LIMIT $2;

-- name: move_running_list
SELECT m.id, m.customer_id, c.slug AS customer_slug, c.name AS customer_name, m.from_mode,
       m.to_mode, m.state, m.reason, m.requested_by, m.decision_id, m.source_id, m.target_id,
       m.mover, m.rows_copied, m.stall_us, m.return_stall_us, m.lag_bytes, m.doing, m.cut_attempts,
       m.cut_told, m.switched_at, m.soak_until, m.way_back, m.proof_state, m.proof,
       m.schema_sha256, m.error, m.retry_of, m.proposal_id, m.run, m.version, m.created_at,
       m.finished_at
FROM migrations m JOIN customers c ON c.id = m.customer_id
WHERE m.finished_at IS NULL ORDER BY m.id LIMIT $1;

-- name: move_retry_of
SELECT id FROM migrations WHERE customer_id = $1 AND retry_of = $2 ORDER BY id DESC LIMIT 1;

-- name: move_under_way
-- Those that keep databases busy: neither waiting for their turn nor soaking.
SELECT count(*) FROM migrations
WHERE finished_at IS NULL AND state NOT IN ('requested', 'soaking') AND id <> $1;

-- name: move_version
SELECT version FROM migrations WHERE id = $1;

-- name: move_take_run
-- Over all moves of the customer, and its offboardings that were cancelled: a tenant's database may
-- remember the run of the one before.
UPDATE migrations
SET run = 1 + (SELECT max(r.run) FROM (
    SELECT m.run FROM migrations m WHERE m.customer_id = migrations.customer_id
    UNION ALL
    SELECT o.run FROM offboardings o WHERE o.customer_id = migrations.customer_id) r)
WHERE id = $1;

-- name: move_change_state
UPDATE migrations SET state = $4, finished_at = $5, error = COALESCE($6, error), doing = NULL,
                      version = version + 1
WHERE id = $1 AND state = $2 AND run = $3;

-- name: move_note_switch
UPDATE migrations SET stall_us = $3, switched_at = $4, soak_until = $5, way_back = 'open',
                      proof_state = 'due', version = version + 1
WHERE id = $1 AND run = $2;

-- name: move_note_return
UPDATE migrations SET return_stall_us = $3, way_back = 'taken', lag_bytes = NULL,
                      version = version + 1
WHERE id = $1 AND run = $2;

-- name: move_note_way_back
UPDATE migrations SET way_back = $3, error = COALESCE($4, error), version = version + 1
WHERE id = $1 AND run = $2;

-- name: move_note_proof
UPDATE migrations SET proof_state = $3, proof = $4, error = COALESCE($5, error),
                      version = version + 1
WHERE id = $1 AND run = $2;

-- name: move_note_attempt
UPDATE migrations SET cut_attempts = $3, cut_told = $4, version = version + 1
WHERE id = $1 AND run = $2;

-- name: move_note_survey
UPDATE migrations SET mover = $3, schema_sha256 = $4, version = version + 1
WHERE id = $1 AND run = $2;

-- name: move_note_rows
UPDATE migrations SET rows_copied = $3, version = version + 1 WHERE id = $1 AND run = $2;

-- name: move_note_progress
UPDATE migrations SET lag_bytes = $3, doing = COALESCE($4, doing), version = version + 1
WHERE id = $1 AND run = $2;

-- name: move_jobs_left
SELECT count(*) FROM jobs
WHERE customer_id = $1 AND queue = $2
  AND state IN ('available', 'scheduled', 'executing', 'retryable');

-- name: move_wake_job
UPDATE jobs SET state = 'available', scheduled_at = $3, due_at = NULL, aside = NULL
WHERE customer_id = $1 AND queue = $2 AND state IN ('scheduled', 'retryable');

-- name: move_step_end
UPDATE move_steps SET finished_at = $2, run = $3
WHERE migration_id = $1 AND finished_at IS NULL;

-- name: move_step_begin
INSERT INTO move_steps (migration_id, position, step, run, started_at, finished_at)
SELECT $1, 1 + (SELECT COALESCE(max(position), 0) FROM move_steps WHERE migration_id = $1), $2, $3,
       $4, $5;

-- name: move_step_error
UPDATE move_steps SET error = $2, run = $3 WHERE migration_id = $1 AND finished_at IS NULL;

-- name: move_steps_of
SELECT step, run, started_at, finished_at, error FROM move_steps WHERE migration_id = $1
ORDER BY position DESC LIMIT $2;

-- name: move_table_put
INSERT INTO move_tables (migration_id, name, reference, rows_total, bytes_total)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (migration_id, name) DO UPDATE
SET rows_total = excluded.rows_total, bytes_total = excluded.bytes_total;

-- name: move_table_progress
-- What is not said stays as it is; an estimate that was too small gives way.
INSERT INTO move_tables (migration_id, name, reference, rows_total, rows_done, bytes_done)
VALUES ($1, $2, 0, $3, COALESCE(CAST($4 AS BIGINT), 0), COALESCE(CAST($5 AS BIGINT), 0))
ON CONFLICT (migration_id, name) DO UPDATE
SET rows_total = CASE
        WHEN COALESCE(excluded.rows_total, move_tables.rows_total)
            < COALESCE(CAST($4 AS BIGINT), move_tables.rows_done)
        THEN COALESCE(CAST($4 AS BIGINT), move_tables.rows_done)
        ELSE COALESCE(excluded.rows_total, move_tables.rows_total)
    END,
    rows_done = COALESCE(CAST($4 AS BIGINT), move_tables.rows_done),
    bytes_done = COALESCE(CAST($5 AS BIGINT), move_tables.bytes_done);

-- name: move_tables_of
SELECT name, reference, rows_total, bytes_total, rows_done, bytes_done FROM move_tables
WHERE migration_id = $1 ORDER BY COALESCE(rows_total, 0) DESC, name LIMIT $2;

-- name: move_past_rates
-- The copies of moves that have been, the newest first: rows and how long they took.
SELECT m.rows_copied AS rows, s.finished_at - s.started_at AS took_us
FROM migrations m JOIN move_steps s ON s.migration_id = m.id
WHERE m.rows_copied > 0 AND s.step = 'copying' AND s.finished_at > s.started_at
ORDER BY m.id DESC LIMIT $1;

-- name: move_past_stall
-- The median of the newest ones' stalls; NULL when there were none.
SELECT stall_us FROM (
    SELECT stall_us, row_number() OVER (ORDER BY stall_us) AS place, count(*) OVER () AS count
    FROM (SELECT stall_us FROM migrations WHERE stall_us IS NOT NULL ORDER BY id DESC LIMIT 20) m) n
WHERE place = (count + 1) / 2;
