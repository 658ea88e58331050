-- name: host_by_id
SELECT id, name, location, region, serves, server_type, status, capacity, slots_used, load,
       load_at, provider_id, address, database_url, error, choice, rounds, actions,
       empty_since, created_at, active_at, failed_at, retired_at
FROM hosts WHERE id = $1;

-- name: host_by_name
SELECT id, name, location, region, serves, server_type, status, capacity, slots_used, load,
       load_at, provider_id, address, database_url, error, choice, rounds, actions,
       empty_since, created_at, active_at, failed_at, retired_at
FROM hosts WHERE name = $1;

-- name: host_page
SELECT id, name, location, region, serves, server_type, status, capacity, slots_used, load,
       load_at, provider_id, address, database_url, error, choice, rounds, actions,
       empty_since, created_at, active_at, failed_at, retired_at
FROM hosts
WHERE id < $1
  AND CASE WHEN CAST($3 AS TEXT) IS NULL THEN status <> 'retired' ELSE status = $3 END
ORDER BY id DESC LIMIT $2;

-- name: host_standing
SELECT id, name, location, region, serves, server_type, status, capacity, slots_used, load,
       load_at, provider_id, address, database_url, error, choice, rounds, actions,
       empty_since, created_at, active_at, failed_at, retired_at
FROM hosts WHERE status IN ('creating', 'active', 'draining', 'failed', 'retiring')
ORDER BY id LIMIT $1;

-- name: host_change_status
-- Retiring wants nobody there: a reservation of that moment comes first or finds the host gone.
UPDATE hosts
SET status = $3, error = $4,
    active_at = CASE WHEN $2 = 'creating' AND $3 = 'active' THEN $5 ELSE active_at END,
    failed_at = CASE WHEN $3 = 'failed' THEN $5 ELSE failed_at END,
    retired_at = CASE WHEN $3 = 'retired' THEN $5 ELSE retired_at END,
    empty_since = CASE WHEN $2 = 'creating' AND slots_used = 0 THEN $5 ELSE empty_since END
WHERE id = $1 AND status = $2 AND ($3 <> 'retiring' OR slots_used = 0);

-- name: host_note_server
UPDATE hosts SET provider_id = $2, server_type = COALESCE($3, server_type), actions = $4,
                 error = $5
WHERE id = $1;

-- name: host_set_address
UPDATE hosts SET address = $2, database_url = $3 WHERE id = $1 AND status = 'creating';

-- name: host_note_load
UPDATE hosts SET load = $2, load_at = $3 WHERE id = $1;

-- name: host_wake_waiting
UPDATE jobs SET state = 'available', scheduled_at = $2, due_at = NULL, aside = NULL
WHERE state = 'scheduled' AND queue IN ('provisioning', 'migration') AND customer_id IN (
    SELECT customer_id FROM deployments WHERE host_id = $1 AND status = 'provisioning');

-- name: host_tenants_of
SELECT d.customer_id, c.slug AS customer, d.id AS deployment_id, d.status, m.state AS migration
FROM deployments d JOIN customers c ON c.id = d.customer_id
LEFT JOIN migrations m ON m.source_id = d.id AND m.finished_at IS NULL
WHERE d.host_id = $1 ORDER BY c.slug LIMIT $2;

-- name: host_count_databases
SELECT count(*) FROM hosts WHERE database_url = $1 AND status IN ('active', 'draining');
