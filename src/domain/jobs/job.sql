-- name: job_insert
INSERT INTO jobs (queue, worker, state, priority, customer_id, unique_key, args, attempt,
                  max_attempts, snoozes, inserted_at, scheduled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, 0, $9, $10)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: job_insert_many
INSERT INTO jobs (queue, worker, state, priority, customer_id, unique_key, args, attempt,
                  max_attempts, snoozes, inserted_at, scheduled_at)
/*sqlite VALUES ($2, $3, $4, $5, $6, $7, $8, 0, $9, 0, $1, $10) */
/*pg SELECT queue, worker, state, priority, customer_id, unique_key, args, 0, max_attempts, 0, $1,
           scheduled_at
    FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
                $8::text[], $9::bigint[], $10::bigint[])
         AS spec (queue, worker, state, priority, customer_id, unique_key, args, max_attempts,
                  scheduled_at) */
ON CONFLICT DO NOTHING;

-- name: job_by_id
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs WHERE id = $1;

-- name: job_by_unique_key
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE unique_key = $1 AND unique_key IS NOT NULL
  AND state IN ('available', 'scheduled', 'executing', 'retryable');

-- name: job_errors_of
SELECT attempt, at, error FROM job_errors WHERE job_id = $1 ORDER BY attempt, at LIMIT $2;

-- name: job_page
-- Without a state, or completed ones: the newest are found at once.
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE id < $1 AND (CAST($3 AS TEXT) IS NULL OR state = $3)
  AND (CAST($4 AS TEXT) IS NULL OR queue = $4) AND (CAST($5 AS TEXT) IS NULL OR worker = $5)
ORDER BY id DESC LIMIT $2;

-- name: job_page_stopped
-- The rare states, through jobs_stopped: its own condition is repeated so that it can be used.
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE id < $1 AND state = $3 AND state IN ('scheduled', 'retryable', 'cancelled', 'discarded')
  AND (CAST($4 AS TEXT) IS NULL OR queue = $4) AND (CAST($5 AS TEXT) IS NULL OR worker = $5)
ORDER BY id DESC LIMIT $2;

-- name: job_page_executing
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE id < $1 AND state = 'executing' AND (CAST($3 AS TEXT) IS NULL OR queue = $3)
  AND (CAST($4 AS TEXT) IS NULL OR worker = $4)
ORDER BY id DESC LIMIT $2;

-- name: job_page_of_customer
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE customer_id = $6 AND id < $1 AND (CAST($3 AS TEXT) IS NULL OR state = $3)
  AND (CAST($4 AS TEXT) IS NULL OR queue = $4) AND (CAST($5 AS TEXT) IS NULL OR worker = $5)
ORDER BY id DESC LIMIT $2;

-- name: job_unfinished_of
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE customer_id = $1 AND state IN ('available', 'scheduled', 'executing', 'retryable')
ORDER BY id DESC LIMIT $2;

-- name: job_make_available
UPDATE jobs SET state = 'available', scheduled_at = $2, finished_at = NULL, snoozes = 0,
                max_attempts = CASE WHEN max_attempts > attempt THEN max_attempts
                                    ELSE attempt + 1 END
WHERE id = $1 AND state IN ('discarded', 'cancelled', 'retryable', 'scheduled');

-- name: job_make_many_available
UPDATE jobs SET state = 'available', scheduled_at = $1, finished_at = NULL, snoozes = 0,
                max_attempts = CASE WHEN max_attempts > attempt THEN max_attempts
                                    ELSE attempt + 1 END
WHERE id IN (
    SELECT id FROM jobs
    WHERE state = $2 AND state IN ('scheduled', 'retryable', 'cancelled', 'discarded')
      AND (CAST($3 AS TEXT) IS NULL OR queue = $3) AND (CAST($4 AS TEXT) IS NULL OR worker = $4)
      AND (CAST($5 AS TEXT) IS NULL OR customer_id = $5)
    ORDER BY id LIMIT $6 /*pg FOR UPDATE SKIP LOCKED */
);

-- name: job_mark_cancelled
UPDATE jobs SET state = 'cancelled', finished_at = $2
WHERE id = $1 AND state IN ('available', 'scheduled', 'executing', 'retryable');

-- name: job_delete_old
-- By ids, which follow time: walks from the oldest row and stops at the first that is young enough
-- to stay, instead of looking for old rows among all.
DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs
    WHERE state IN ('completed', 'cancelled', 'discarded') AND finished_at < $1
      AND id < COALESCE((SELECT id FROM jobs WHERE inserted_at >= $1 ORDER BY id LIMIT 1),
                        9223372036854775807)
    ORDER BY id LIMIT $2 /*pg FOR UPDATE SKIP LOCKED */
);
