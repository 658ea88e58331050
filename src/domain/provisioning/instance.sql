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
