-- What tests of the tracker set and ask.

-- name: facts_become
-- Vehicles and users as if they had been measured, where the customer lives, when it moved.
UPDATE customer_facts SET vehicles = $2, mode = $3, mode_since = $4, moved_at = $5,
                          compliance = $6
WHERE customer_id = $1;

-- name: facts_copies
-- $2 more customers like one, whose ids sort in the order of numbers.
INSERT INTO customer_facts (customer_id, active, plan, price, budget, latency, vehicles_told,
                            users_told, compliance, regions, mode, mode_since, vehicles)
SELECT 'copy-' || CAST(1000000 + n.value AS TEXT), active, plan, price, budget, latency,
       vehicles_told, users_told, compliance, regions, mode, mode_since, vehicles
FROM customer_facts,
     /*sqlite (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL
                                            SELECT value + 1 FROM n WHERE value < $2)
               SELECT value FROM n) n */
     /*pg generate_series(1, $2) AS n (value) */
WHERE customer_id = $1;

-- name: count_verdicts
SELECT count(*) FROM verdicts;

-- name: count_evaluations
SELECT count(*) FROM jobs WHERE queue = 'migration_evaluation';

-- name: newest_verdict_since
SELECT max(since) FROM verdicts;

-- name: finish_jobs
UPDATE jobs SET state = 'completed', live_key = NULL, aside = NULL, due_at = NULL;

-- name: add_migration
INSERT INTO migrations (id, customer_id, from_mode, to_mode, state, reason, requested_by,
                        source_id, run, created_at)
VALUES ('m-' || $1, $1, 'multi_tenant', 'single_tenant', 'copying', 'why', 'me', $2, 0, 1);

-- name: add_proposal
INSERT INTO proposals (id, customer_id, from_mode, to_mode, state, decision_id, confidence, reason,
                       saving, plan_hash, created_at, expires_at, decided_at)
VALUES ('p-' || $1, $1, 'multi_tenant', $2, $3, $4, 10000, 'why', 0, 'hash', 1, $5, $6);

-- name: set_inactive
UPDATE customer_facts SET active = 0 WHERE customer_id = $1;

-- name: add_stolen_lease
INSERT INTO leases (name, node, lease_until) VALUES ('sweep', 1, $1);

-- name: count_unfinished_sweeps
SELECT count(*) FROM sweeps WHERE finished_at IS NULL;

-- name: put_usage_user
INSERT INTO usage_users (customer_id, hour, user_hash, windows) VALUES ($1, $2, $3, $4);

-- name: put_day_users
INSERT INTO usage_days (customer_id, day, users) VALUES ($1, $2, $3);

-- name: put_event_id
INSERT INTO usage_event_ids (customer_id, hash_high, hash_low, seen_at) VALUES ($1, $2, 0, $3);

-- name: count_days
SELECT count(*) FROM usage_days;

-- name: count_users
SELECT count(*) FROM usage_users;

-- name: count_event_ids
SELECT count(*) FROM usage_event_ids;

-- name: newest_change
SELECT max(changed_at) FROM usage_hours;

-- name: set_database_url
UPDATE deployments SET database_url = $2 WHERE id = $1;

-- name: set_not_current
UPDATE deployments SET is_current = 0 WHERE id = $1;

-- name: facts_cpu
UPDATE customer_facts SET cpu = $2 WHERE customer_id = $1;
