-- name: job_insert
INSERT INTO jobs (id, queue, worker, state, priority, customer_id, args, attempt, max_attempts,
                  snoozes, inserted_at, scheduled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, 0, $9, $10);

-- name: job_by_id
SELECT id, queue, worker, state, priority, customer_id, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs WHERE id = $1;

-- name: job_errors_of
SELECT attempt, at, error FROM job_errors WHERE job_id = $1 ORDER BY attempt, at LIMIT $2;

-- name: job_page
SELECT id, queue, worker, state, priority, customer_id, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE id < $1 AND (CAST($3 AS TEXT) IS NULL OR state = $3)
  AND (CAST($4 AS TEXT) IS NULL OR queue = $4)
  AND (CAST($5 AS TEXT) IS NULL OR customer_id = $5)
ORDER BY id DESC LIMIT $2;

-- name: job_unfinished_of
SELECT id, queue, worker, state, priority, customer_id, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE customer_id = $1 AND state IN ('available', 'scheduled', 'executing', 'retryable')
ORDER BY id DESC LIMIT $2;

-- name: job_claim_ready
-- The subselect reads the partial index jobs_ready only; other nodes' rows are skipped, not waited
-- for.
UPDATE jobs SET state = 'executing', attempt = attempt + 1, node = $2, attempted_at = $3,
                lease_until = $4
WHERE id IN (
    SELECT id FROM jobs
    WHERE queue = $1 AND state IN ('available', 'scheduled', 'retryable') AND scheduled_at <= $3
    ORDER BY priority, scheduled_at, id LIMIT $5 /*pg FOR UPDATE SKIP LOCKED */
)
RETURNING id, queue, worker, state, priority, customer_id, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error;

-- name: job_end
-- The fence: only the node and attempt that hold the job may end it.
UPDATE jobs SET state = $4, finished_at = $5, last_error = $6, lease_until = NULL
WHERE id = $1 AND node = $2 AND attempt = $3 AND state = 'executing';

-- name: job_put_back
-- $7 is 1 for a snooze, which does not count as an attempt, and 0 for an error.
UPDATE jobs SET state = $4, scheduled_at = $5, last_error = $6, attempt = attempt - $7,
                snoozes = (snoozes + 1) * $7, lease_until = NULL
WHERE id = $1 AND node = $2 AND attempt = $3 AND state = 'executing';

-- name: job_error_insert
INSERT INTO job_errors (job_id, attempt, at, error) VALUES ($1, $2, $3, $4);

-- name: job_extend_lease
UPDATE jobs SET lease_until = $4
WHERE id = $1 AND node = $2 AND attempt = $3 AND state = 'executing';

-- name: job_expired
SELECT id, queue, worker, state, priority, customer_id, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs WHERE state = 'executing' AND lease_until < $1 ORDER BY lease_until LIMIT $2
/*pg FOR UPDATE SKIP LOCKED */;

-- name: job_make_available
UPDATE jobs SET state = 'available', scheduled_at = $2, finished_at = NULL, snoozes = 0,
                max_attempts = CASE WHEN max_attempts > attempt THEN max_attempts
                                    ELSE attempt + 1 END
WHERE id = $1 AND state IN ('discarded', 'cancelled', 'retryable', 'scheduled');

-- name: job_mark_cancelled
UPDATE jobs SET state = 'cancelled', finished_at = $2, lease_until = NULL
WHERE id = $1 AND state IN ('available', 'scheduled', 'executing', 'retryable');
