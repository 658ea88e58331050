-- name: move_ended
INSERT INTO migrations (id, customer_id, from_mode, to_mode, state, reason, requested_by, source_id,
                        stall_us, error, run, created_at, finished_at)
SELECT $1, d.customer_id, 'multi_tenant', 'single_tenant', $3, 'test', $4, d.id, $5, $6, 1, $7, $8
FROM deployments d WHERE d.customer_id = $2 AND d.is_current = 1;

-- name: job_given_up
INSERT INTO jobs (queue, worker, state, priority, args, attempt, max_attempts, snoozes, inserted_at,
                  scheduled_at, finished_at, aside)
VALUES ('maintenance', 'W', 'discarded', 0, '{}', 3, 3, 0, 0, 0, 0, 'discarded');

-- name: pause_a_queue
INSERT INTO queues (name, paused) VALUES ('maintenance', 1);
