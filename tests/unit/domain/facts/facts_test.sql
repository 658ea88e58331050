-- What is known of customers from before there were facts.

-- name: old_customer_add
INSERT INTO customers (id, slug, name, email, status, profile, created_at)
VALUES ($1, $1, $1, 'ops@example.com', $2, $3, 1);

-- name: old_subscription_add
INSERT INTO subscriptions (id, customer_id, plan, started_at, ended_at)
VALUES ($1 || $2, $1, $2, 1, $3);

-- name: old_deployment_add
INSERT INTO deployments (id, customer_id, mode, plan, status, is_current, regions, created_at,
                         active_at)
VALUES ('d-' || $1, $1, $2, 'hobby', 'active', 1, '[]', 1, $3);

-- name: old_migration_add
INSERT INTO migrations (id, customer_id, from_mode, to_mode, state, reason, requested_by,
                        source_id, run, created_at, finished_at)
VALUES ('m-' || $1, $1, $2, $3, 'completed', 'why', 'me', 'd-' || $1, 0, 1, $4);

-- name: facts_measure
UPDATE customer_facts SET vehicles = 40, peak_users = 150, regions_used = 50, measured_at = 1
WHERE customer_id = $1;
