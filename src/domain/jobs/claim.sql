-- name: node_insert
INSERT INTO nodes (name, started_at, lease_until) VALUES ($1, $2, $3) RETURNING id;

-- name: node_extend
UPDATE nodes SET lease_until = $2 WHERE id = $1;

-- name: node_delete
DELETE FROM nodes WHERE id = $1;

-- name: node_delete_expired
DELETE FROM nodes WHERE lease_until < $1;

-- name: job_make_due_available
UPDATE jobs SET state = 'available', due_at = NULL, aside = NULL
WHERE id IN (
    SELECT id FROM jobs WHERE due_at <= $1 AND due_at IS NOT NULL
    ORDER BY due_at LIMIT $2 /*pg FOR UPDATE SKIP LOCKED */
);

-- name: job_claim_locking
-- For PostgreSQL, in one statement: the locked rows are found again by their place (ctid), which
-- cannot change while they are locked, and other nodes' rows are skipped, not waited for.
UPDATE jobs SET state = 'executing', attempt = attempt + 1, node = $2, attempted_at = $3
WHERE /*pg ctid = ANY (ARRAY( SELECT ctid */ /*sqlite id IN ( SELECT id */
    FROM jobs
    WHERE state = 'available' AND queue = $1 AND (priority, id) > ($4, $5)
    ORDER BY priority, id LIMIT $6
    /*pg FOR UPDATE SKIP LOCKED) */
)
RETURNING id, worker, args, customer_id, attempt, max_attempts, snoozes, priority, inserted_at,
          scheduled_at;

-- name: job_claim_look
-- For SQLite, whose writers are alone, in two statements: RETURNING would copy every row once more.
SELECT id, worker, args, customer_id, attempt + 1 AS attempt, max_attempts, snoozes, priority,
       inserted_at, scheduled_at
FROM jobs
WHERE state = 'available' AND queue = $1 AND (priority, id) > ($2, $3)
ORDER BY priority, id LIMIT $4;

-- name: job_claim_mark
-- OR FAIL: a statement that fails ends the transaction, so it need not be prepared to undo itself.
UPDATE /*sqlite OR FAIL */ jobs SET state = 'executing', attempt = attempt + 1, node = $1,
                                    attempted_at = $2
WHERE id /*pg = ANY ($3::bigint[]) */ /*sqlite IN (SELECT c0 FROM rows($3)) */;

-- name: job_complete
-- The fence: only the node and attempt that hold the jobs may end them.
UPDATE /*sqlite OR FAIL */ jobs SET state = 'completed', finished_at = $3, live_key = NULL
WHERE id /*pg = ANY ($4::bigint[]) */ /*sqlite IN (SELECT c0 FROM rows($4)) */
  AND node = $1 AND attempt = $2 AND state = 'executing';

-- name: job_end
UPDATE jobs SET state = $4, aside = CASE WHEN $4 = 'completed' THEN NULL ELSE CAST($4 AS TEXT) END,
                finished_at = $5, last_error = $6, live_key = NULL
WHERE id = $1 AND node = $2 AND attempt = $3 AND snoozes = $7 AND state = 'executing';

-- name: job_put_back
-- $7 is 1 for a snooze, which does not count as an attempt, and 0 for an error. A snooze leaves the
-- last error as it is. The fence looks at the snoozes too, because they leave the attempt as it is:
-- a snooze that is written down again, its first answer lost, must not hit the run after it.
UPDATE jobs SET state = $4, aside = $4, scheduled_at = $5, due_at = $5,
                last_error = CASE WHEN $7 = 1 THEN last_error ELSE CAST($6 AS TEXT) END,
                attempt = attempt - $7, snoozes = (snoozes + 1) * $7
WHERE id = $1 AND node = $2 AND attempt = $3 AND snoozes = $8 AND state = 'executing';

-- name: job_error_insert
INSERT INTO job_errors (job_id, attempt, at, error) VALUES ($1, $2, $3, $4);

-- name: job_orphans
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE state = 'executing' AND NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.id = jobs.node)
  AND id > $1
ORDER BY id LIMIT $2
/*pg FOR UPDATE SKIP LOCKED */;

-- name: job_put_back_unknown
UPDATE jobs SET state = 'available', attempt = attempt - 1
WHERE state = 'executing' AND node = $1
  AND NOT /*pg (id = ANY ($2::bigint[])) */ /*sqlite id IN (SELECT value FROM json_each($2)) */;

-- name: job_cancelled_among
SELECT id FROM jobs
WHERE /*pg id = ANY ($1::bigint[]) */ /*sqlite id IN (SELECT value FROM json_each($1)) */
  AND state = 'cancelled';
