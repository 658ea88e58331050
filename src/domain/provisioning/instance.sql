-- name: fly_slot_row
SELECT id, kind, region, name, provider_id, status, slot, size, state, health, error, asked_at,
       started_at, checked_at, restarts, restarted_at
FROM resources
WHERE deployment_id = $1 AND kind = $2 AND region = $3 AND slot = $4
      AND status IN ('intended', 'created')
ORDER BY id DESC LIMIT 1;

-- name: fly_slot_count
SELECT count(*) FROM resources
WHERE deployment_id = $1 AND kind = $2 AND region = $3 AND slot = $4;

-- name: fly_slot_failures
SELECT count(*) FROM resources
WHERE deployment_id = $1 AND kind = $2 AND region = $3 AND slot = $4 AND error IS NOT NULL
      AND created_at > $5;

-- name: fly_resource_insert
INSERT INTO resources (id, deployment_id, kind, region, slot, name, status, created_at, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, 'intended', $7, $7);

-- name: fly_resource_set_asked
UPDATE resources SET asked_at = $2 WHERE id = $1;

-- name: fly_resource_set_created
UPDATE resources SET status = 'created', provider_id = $2, size = $3
WHERE id = $1 AND status IN ('intended', 'created');

-- name: fly_resource_set_size
UPDATE resources SET size = $2 WHERE id = $1;

-- name: fly_resource_set_state
UPDATE resources SET state = $2, checked_at = $3 WHERE id = $1;

-- name: fly_resource_set_started
UPDATE resources SET started_at = $2 WHERE id = $1 AND started_at IS NULL;

-- name: fly_resource_set_leaving
UPDATE resources SET status = 'leaving', error = $2
WHERE id = $1 AND status IN ('intended', 'created');

-- name: fly_resource_set_deleted
UPDATE resources SET status = 'deleted', health = NULL WHERE id = $1;

-- name: fly_resource_set_refused
UPDATE resources SET status = 'deleted', error = $2 WHERE id = $1;

-- name: fly_app_set_name
UPDATE deployments SET app = $2 WHERE id = $1;

-- name: instance_by_name
-- By the deployment's id, the app's name, or the id or slug of the customer who lives there.
SELECT d.id, d.customer_id, c.slug AS customer_slug, c.name AS customer_name, d.mode, d.plan,
       d.status, d.is_current, d.regions, d.host_id, d.app, d.database_url, d.error, d.created_at,
       d.active_at, d.retired_at
FROM deployments d JOIN customers c ON c.id = d.customer_id
WHERE d.mode = 'single_tenant' AND (d.id = $1 OR d.app = $1
      OR (d.is_current = 1 AND (c.id = $1 OR c.slug = $1)));

-- name: instance_scaling
SELECT scaling, scale_error FROM deployments WHERE id = $1;

-- name: instance_set_shape
UPDATE deployments SET plan = $2, regions = $3, scaling = 1, scale_error = NULL
WHERE id = $1 AND status = 'active';

-- name: instance_set_repair
-- Not again while the last repair has failed: then it is for somebody to look at.
UPDATE deployments SET scaling = 1
WHERE id = $1 AND status = 'active' AND scaling = 0 AND scale_error IS NULL;

-- name: instance_set_scaled
-- Unless another shape was asked for meanwhile.
UPDATE deployments SET scaling = 0, scale_error = NULL
WHERE id = $1 AND plan = $2 AND regions = $3 AND scaling = 1;

-- name: instance_set_scale_error
UPDATE deployments SET scale_error = $2 WHERE id = $1 AND scaling = 1;

-- name: instance_database_region
SELECT region FROM resources
WHERE deployment_id = $1 AND slot = 'database' AND status IN ('intended', 'created')
ORDER BY id LIMIT 1;

-- name: instance_set_health
UPDATE resources SET state = $2, health = $3, checked_at = $4, restarts = $5, restarted_at = $6
WHERE id = $1 AND status = 'created';

-- name: instance_health_counts_query
SELECT health, count(*) AS machines FROM resources WHERE health IS NOT NULL
GROUP BY health ORDER BY health;
