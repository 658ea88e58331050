-- name: lease_insert
INSERT INTO leases (name, node, lease_until) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING;

-- name: lease_renew
UPDATE leases SET node = $2, lease_until = $3
WHERE name = $1 AND (node = $2 OR lease_until < $4);

-- name: lease_delete
DELETE FROM leases WHERE name = $1 AND node = $2;
