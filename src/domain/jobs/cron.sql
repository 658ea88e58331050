-- name: lease_insert
INSERT INTO leases (name, node, lease_until) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING;

-- name: lease_take
UPDATE leases SET node = $2, lease_until = $3
WHERE name = $1 AND (node = $2 OR lease_until < $4);

-- name: cron_insert
-- A cron that is new starts with its next slot.
INSERT INTO crons (name, last_slot) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING;

-- name: cron_take_slot
UPDATE crons SET last_slot = $2 WHERE name = $1 AND last_slot < $2;
