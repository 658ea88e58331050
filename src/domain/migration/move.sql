-- name: move_insert
INSERT INTO migrations (id, customer_id, from_mode, to_mode, state, reason, requested_by,
                        decision_id, source_id, target_id, run, created_at)
VALUES ($1, $2, $3, $4, 'requested', $5, $6, $7, $8, $9, 0, $10);

-- name: move_by_id
SELECT id, customer_id, from_mode, to_mode, state, reason, requested_by, decision_id, source_id,
       target_id, rows_copied, stall_us, proof, error, run, fenced_at, created_at, finished_at
FROM migrations WHERE id = $1;

-- name: move_latest_of
SELECT id, customer_id, from_mode, to_mode, state, reason, requested_by, decision_id, source_id,
       target_id, rows_copied, stall_us, proof, error, run, fenced_at, created_at, finished_at
FROM migrations WHERE customer_id = $1 ORDER BY id DESC LIMIT 1;

-- name: move_running_of
SELECT id FROM migrations WHERE customer_id = $1 AND finished_at IS NULL;

-- name: move_page
SELECT id, customer_id, from_mode, to_mode, state, reason, requested_by, decision_id, source_id,
       target_id, rows_copied, stall_us, proof, error, run, fenced_at, created_at, finished_at
FROM migrations
WHERE id < $1 AND (CAST($3 AS TEXT) IS NULL OR customer_id = $3)
  AND (CAST($4 AS TEXT) IS NULL OR state = $4)
ORDER BY id DESC LIMIT $2;

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
UPDATE migrations SET state = $4, finished_at = $5, error = COALESCE($6, error)
WHERE id = $1 AND state = $2 AND run = $3;

-- name: move_note_fence
UPDATE migrations SET fenced_at = COALESCE(fenced_at, $3) WHERE id = $1 AND run = $2;

-- name: move_forget_fence
UPDATE migrations SET fenced_at = NULL WHERE id = $1 AND run = $2;

-- name: move_note_result
UPDATE migrations SET rows_copied = $2, stall_us = $3, proof = $4 WHERE id = $1;

-- name: move_jobs_left
SELECT count(*) FROM jobs
WHERE customer_id = $1 AND queue = $2
  AND state IN ('available', 'scheduled', 'executing', 'retryable');
