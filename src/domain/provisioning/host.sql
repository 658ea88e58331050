-- name: host_insert
INSERT INTO hosts (id, name, location, server_type, status, capacity, slots_used, database_url,
                   created_at)
VALUES ($1, $2, $3, $4, 'creating', $5, 0, $6, $7);

-- name: host_by_id
SELECT id, name, location, server_type, status, capacity, slots_used, provider_id, address,
       database_url, error, created_at, active_at
FROM hosts WHERE id = $1;

-- name: host_page
SELECT id, name, location, server_type, status, capacity, slots_used, provider_id, address,
       database_url, error, created_at, active_at
FROM hosts WHERE id < $1 ORDER BY id DESC LIMIT $2;

-- name: host_best_fit
-- Locked, so that on PostgreSQL two reservations cannot both count the last slot.
SELECT id, name, location, server_type, status, capacity, slots_used, provider_id, address,
       database_url, error, created_at, active_at
FROM hosts
WHERE location = $1 AND status IN ('active', 'creating') AND slots_used < capacity
ORDER BY slots_used DESC, id LIMIT 1 /*pg FOR UPDATE */;

-- name: host_take_slot
UPDATE hosts SET slots_used = slots_used + 1 WHERE id = $1 AND slots_used < capacity;

-- name: host_give_slot
UPDATE hosts SET slots_used = slots_used - 1 WHERE id = $1 AND slots_used > 0;

-- name: deployment_host
SELECT host_id FROM deployments WHERE id = $1;

-- name: deployment_take_host
UPDATE deployments SET host_id = $2 WHERE id = $1 AND host_id IS NULL;

-- name: deployment_leave_host
UPDATE deployments SET host_id = NULL WHERE id = $1 AND host_id = $2;

-- name: host_set_provider_id
UPDATE hosts SET provider_id = $2 WHERE id = $1;

-- name: host_mark_active
UPDATE hosts SET status = 'active', address = $2, database_url = $3, active_at = $4, error = NULL
WHERE id = $1 AND status = 'creating';
