-- What the tests of the queue ask, and what they do behind its back.

-- name: count_rows
SELECT count(*) FROM jobs;

-- name: count_completed
SELECT count(*) FROM jobs WHERE state = 'completed';

-- name: count_executing
SELECT count(*) FROM jobs WHERE state = 'executing';

-- name: count_nodes
SELECT count(*) FROM nodes;

-- name: newest_node
SELECT max(id) FROM nodes;

-- name: count_discard_traces
SELECT count(*) FROM audit WHERE action = 'test.discarded';

-- name: count_retries_audited
SELECT count(*) FROM audit WHERE action = 'jobs.retried';

-- name: count_errors
SELECT count(*) FROM job_errors;

-- name: sum_attempts
SELECT sum(attempt) FROM jobs;

-- name: delete_nodes
DELETE FROM nodes;

-- name: set_state
UPDATE jobs
SET state = $2,
    aside = CASE WHEN CAST($2 AS TEXT) IN ('scheduled', 'retryable', 'cancelled', 'discarded')
                 THEN CAST($2 AS TEXT) END,
    due_at = CASE WHEN CAST($2 AS TEXT) IN ('scheduled', 'retryable') THEN scheduled_at END,
    live_key = CASE WHEN CAST($2 AS TEXT) IN ('completed', 'cancelled', 'discarded') THEN NULL
                      ELSE unique_key END
WHERE id = $1;

-- name: make_many
-- $1 jobs in the state $2, which stands in `aside` as $3.
INSERT INTO jobs (queue, worker, state, aside, priority, args, attempt, max_attempts, snoozes,
                  inserted_at, scheduled_at)
SELECT 'fast', 'Worker', $2, CAST($3 AS TEXT), 0, '{}', 3, 3, 0, 1, 1
FROM /*pg generate_series(1, $1) AS n */
     /*sqlite (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
               SELECT i FROM n) */;

-- name: newest_job
SELECT max(id) FROM jobs;

-- name: use_up_attempts
UPDATE jobs SET attempt = max_attempts WHERE id = $1;

-- name: give_to_nobody
UPDATE jobs SET node = 4711 WHERE state = 'executing';

-- name: change_worker
UPDATE jobs SET worker = $1;

-- name: change_worker_of
UPDATE jobs SET worker = $2 WHERE id = $1;
