-- name: cron_insert
-- A cron that is new starts with its next slot.
INSERT INTO crons (name, last_slot) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING;

-- name: cron_take_slot
UPDATE crons SET last_slot = $2 WHERE name = $1 AND last_slot < $2;
