-- name: order_insert
INSERT INTO hosts (id, name, location, region, serves, server_type, status, capacity, slots_used,
                   database_url, created_at, empty_since)
VALUES ($1, $2, $3, $4, $3, $5, 'creating', $6, 0, $7, $8, $8);

-- name: order_change
UPDATE hosts SET name = $2, location = $3, server_type = $4, database_url = $5, choice = $6,
                 rounds = $7, error = $8
WHERE id = $1 AND status = 'creating' AND provider_id IS NULL;
