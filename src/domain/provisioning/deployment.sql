-- name: deployment_insert
INSERT INTO deployments (id, customer_id, mode, plan, status, is_current, regions, app,
                         decision_id, created_at)
VALUES ($1, $2, $3, $4, 'provisioning', $5, $6, $7, $8, $9);

-- name: deployment_by_id
SELECT d.id, d.customer_id, c.slug AS customer_slug, c.name AS customer_name, d.mode, d.plan,
       d.status, d.is_current, d.regions, d.host_id, d.app, d.database_url, d.error, d.created_at,
       d.active_at, d.retired_at
FROM deployments d JOIN customers c ON c.id = d.customer_id
WHERE d.id = $1;

-- name: deployment_current_of
SELECT d.id, d.customer_id, c.slug AS customer_slug, c.name AS customer_name, d.mode, d.plan,
       d.status, d.is_current, d.regions, d.host_id, d.app, d.database_url, d.error, d.created_at,
       d.active_at, d.retired_at
FROM deployments d JOIN customers c ON c.id = d.customer_id
WHERE d.customer_id = $1 AND d.is_current = 1;

-- name: deployment_page_instances
SELECT d.id, d.customer_id, c.slug AS customer_slug, c.name AS customer_name, d.mode, d.plan,
       d.status, d.is_current, d.regions, d.host_id, d.app, d.database_url, d.error, d.created_at,
       d.active_at, d.retired_at
FROM deployments d JOIN customers c ON c.id = d.customer_id
WHERE d.id < $1 AND d.mode = 'single_tenant' AND d.status <> 'retired'
ORDER BY d.id DESC LIMIT $2;

-- name: deployment_mark_provisioning
UPDATE deployments SET status = 'provisioning', error = NULL WHERE id = $1 AND status = 'failed';

-- name: deployment_mark_all_provisioning
-- The failed ones of customers with a job to run in the queue $1.
UPDATE deployments SET status = 'provisioning', error = NULL
WHERE status = 'failed' AND is_current = 1 AND EXISTS (
    SELECT 1 FROM jobs j
    WHERE j.customer_id = deployments.customer_id AND j.queue = $1 AND j.state = 'available');

-- name: deployment_mark_active
UPDATE deployments SET status = 'active', database_url = $2, active_at = $3, error = NULL
WHERE id = $1 AND status IN ('provisioning', 'failed');

-- name: deployment_note_database
UPDATE deployments SET database_url = $2 WHERE id = $1 AND status = 'provisioning';

-- name: deployment_mark_failed
UPDATE deployments SET status = 'failed', error = $2
WHERE id = $1 AND status = 'provisioning';

-- name: deployment_mark_leaving
UPDATE deployments SET status = $2, retired_at = $3 WHERE id = $1;

-- name: deployment_set_current
UPDATE deployments SET is_current = $2 WHERE id = $1;

-- name: resource_insert
INSERT INTO resources (id, deployment_id, kind, region, name, status, created_at)
VALUES ($1, $2, $3, $4, $5, 'intended', $6)
ON CONFLICT (deployment_id, kind, region, name) DO NOTHING;

-- name: resource_named
SELECT id, kind, region, name, provider_id, status FROM resources
WHERE deployment_id = $1 AND kind = $2 AND region = $3 AND name = $4;

-- name: resources_of
SELECT id, kind, region, name, provider_id, status, slot, size, state, health, error, asked_at,
       started_at, checked_at, restarts, restarted_at
FROM resources WHERE deployment_id = $1 ORDER BY id LIMIT $2;

-- name: resource_mark_created
UPDATE resources SET status = 'created', provider_id = $2 WHERE id = $1;

-- name: resource_mark_deleted
UPDATE resources SET status = 'deleted' WHERE id = $1;
