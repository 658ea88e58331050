-- What tests ask of the product's database.

-- name: rows_of_customers
-- Every table that a signup writes to, and those that hang on them.
SELECT (SELECT count(*) FROM customers) + (SELECT count(*) FROM subscriptions)
     + (SELECT count(*) FROM decisions) + (SELECT count(*) FROM deployments)
     + (SELECT count(*) FROM resources) + (SELECT count(*) FROM hosts)
     + (SELECT count(*) FROM jobs) + (SELECT count(*) FROM audit);

-- name: count_hosts
SELECT count(*) FROM hosts;

-- name: sum_slots_used
SELECT coalesce(sum(slots_used), 0) FROM hosts;

-- name: count_deployments_on_hosts
SELECT count(*) FROM deployments WHERE host_id IS NOT NULL;

-- name: count_resources
SELECT count(*) FROM resources;

-- name: count_jobs
SELECT count(*) FROM jobs;

-- name: host_force_status
UPDATE hosts SET status = $2 WHERE id = $1;

-- name: count_subscriptions
SELECT count(*) FROM subscriptions;

-- name: count_open_subscriptions
SELECT count(*) FROM subscriptions WHERE ended_at IS NULL;

-- name: resource_force_size
UPDATE resources SET size = $2 WHERE id = $1;

-- name: forget_routes
DELETE FROM routes;
