-- name: job_insert
INSERT INTO jobs (queue, worker, state, priority, customer_id, args, attempt, max_attempts,
                  snoozes, inserted_at, scheduled_at, due_at, aside)
VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 0, $8, $9, $10, $11)
RETURNING id;

-- name: job_insert_unique
INSERT INTO jobs (queue, worker, state, priority, customer_id, args, attempt, max_attempts,
                  snoozes, inserted_at, scheduled_at, due_at, aside, unique_key, live_key)
VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 0, $8, $9, $10, $11, $12, $12)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: job_insert_many
INSERT INTO jobs (queue, worker, state, priority, customer_id, args, attempt, max_attempts,
                  snoozes, inserted_at, scheduled_at, due_at, aside)
SELECT $1, $2, $3, $4, spec.customer_id, spec.args, 0, $5, 0, $6, $7, CAST($8 AS BIGINT),
       CAST($9 AS TEXT)
FROM /*pg unnest($10::text[], $11::text[]) AS spec (customer_id, args) */
     /*sqlite (SELECT c0 AS customer_id, c1 AS args FROM rows($10, $11)) AS spec */;

-- name: job_insert_many_unique
-- A row that may conflict costs more than one that cannot, so they do not share a statement.
INSERT INTO jobs (queue, worker, state, priority, customer_id, unique_key, args, attempt,
                  max_attempts, snoozes, inserted_at, scheduled_at, due_at, aside, live_key)
SELECT $1, $2, $3, $4, spec.customer_id, spec.unique_key, spec.args, 0, $5, 0, $6, $7,
       CAST($8 AS BIGINT), CAST($9 AS TEXT), spec.unique_key
FROM /*pg unnest($10::text[], $11::text[], $12::text[]) AS spec (customer_id, args, unique_key) */
     /*sqlite (SELECT c0 AS customer_id, c1 AS args, c2 AS unique_key FROM rows($10, $11, $12))
       AS spec */
WHERE true
ON CONFLICT DO NOTHING;

-- name: job_by_id
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs WHERE id = $1;

-- name: job_by_unique_key
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE live_key = $1 AND live_key IS NOT NULL;

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

-- name: job_page_aside
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE id < $1 AND aside = $3
  AND (CAST($4 AS TEXT) IS NULL OR queue = $4) AND (CAST($5 AS TEXT) IS NULL OR worker = $5)
ORDER BY id DESC LIMIT $2;

-- name: job_page_executing
SELECT id, queue, worker, state, priority, customer_id, unique_key, args, attempt, max_attempts,
       snoozes, node, inserted_at, scheduled_at, attempted_at, finished_at, last_error
FROM jobs
WHERE id < $1 AND state = 'executing'
  AND (CAST($3 AS TEXT) IS NULL OR queue = $3) AND (CAST($4 AS TEXT) IS NULL OR worker = $4)
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
UPDATE jobs SET state = 'available', scheduled_at = $2, due_at = NULL, aside = NULL,
                finished_at = NULL, snoozes = 0, live_key = unique_key,
                max_attempts = CASE WHEN max_attempts > attempt THEN max_attempts
                                    ELSE attempt + 1 END
WHERE id = $1 AND state IN ('discarded', 'cancelled', 'retryable', 'scheduled');

-- name: job_make_many_available
-- One for each key, and none whose key an unfinished job has; newest first, all below $7.
UPDATE jobs SET state = 'available', scheduled_at = $1, due_at = NULL, aside = NULL,
                finished_at = NULL, snoozes = 0, live_key = unique_key,
                max_attempts = CASE WHEN max_attempts > attempt THEN max_attempts
                                    ELSE attempt + 1 END
WHERE id IN (
    SELECT id FROM jobs
    WHERE aside = $2 AND id IN (
        SELECT max(id) FROM jobs
        WHERE aside = $2
          AND (CAST($3 AS TEXT) IS NULL OR queue = $3)
          AND (CAST($4 AS TEXT) IS NULL OR worker = $4)
          AND (CAST($5 AS TEXT) IS NULL OR customer_id = $5)
          AND NOT EXISTS (
            SELECT 1 FROM jobs AS other
            WHERE other.live_key = jobs.unique_key AND other.live_key IS NOT NULL
              AND other.id <> jobs.id)
        GROUP BY unique_key, CASE WHEN unique_key IS NULL THEN id END
        HAVING max(id) < $7
        ORDER BY 1 DESC LIMIT $6)
    /*pg FOR UPDATE SKIP LOCKED */
)
RETURNING id;

-- name: job_mark_cancelled
UPDATE jobs SET state = 'cancelled', aside = 'cancelled', finished_at = $2, due_at = NULL,
                live_key = NULL
WHERE id = $1 AND state IN ('available', 'scheduled', 'executing', 'retryable');

-- name: job_delete_old
-- By ids, which follow time: walks from the oldest row and stops at the first that is young enough
-- to stay, instead of looking for old rows among all. The newest row stays, so that no id is given
-- twice.
DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs
    WHERE state IN ('completed', 'cancelled', 'discarded') AND finished_at < $1
      AND id < COALESCE((SELECT id FROM jobs WHERE inserted_at >= $1 ORDER BY id LIMIT 1),
                        (SELECT max(id) FROM jobs))
    ORDER BY id LIMIT $2 /*pg FOR UPDATE SKIP LOCKED */
);
