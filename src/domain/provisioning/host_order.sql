-- name: order_insert
INSERT INTO hosts (id, name, location, region, serves, server_type, status, choice, capacity,
                   slots_used, database_url, created_at, empty_since)
VALUES ($1, $2, $3, $4, $5, $6, 'creating', $7, $8, 0, $9, $10, $10);

-- name: order_change
-- What is ordered next, after the cloud had none of what was ordered before.
UPDATE hosts SET name = $2, location = $3, server_type = $4, database_url = $5, choice = $6,
                 rounds = $7, error = $8
WHERE id = $1 AND status = 'creating' AND provider_id IS NULL;
