-- name: slot_host
SELECT host_id FROM deployments WHERE id = $1;

-- name: slot_best_fit
-- Hosts of that very location first, and those that run before those that will. Locked, so that on
-- PostgreSQL two reservations cannot both count the last slot.
SELECT id FROM hosts
WHERE region = $1 AND status IN ('active', 'creating') AND slots_used < capacity
  AND (load IS NULL OR load < $3 OR load_at < $4)
ORDER BY CASE WHEN serves = $2 THEN 0 ELSE 1 END, status, slots_used DESC, id
LIMIT 1 /*pg FOR UPDATE */;

-- name: slot_take
UPDATE hosts SET slots_used = slots_used + 1, empty_since = NULL
WHERE id = $1 AND status IN ('active', 'creating') AND slots_used < capacity;

-- name: slot_give
UPDATE hosts SET slots_used = slots_used - 1,
                 empty_since = CASE WHEN slots_used = 1 THEN $2 ELSE empty_since END
WHERE id = $1 AND slots_used > 0;

-- name: slot_give_deployment
UPDATE deployments SET host_id = $2 WHERE id = $1 AND host_id IS NULL;

-- name: slot_leave_deployment
UPDATE deployments SET host_id = NULL WHERE id = $1 AND host_id = $2;
