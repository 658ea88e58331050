-- name: world_jobs_left
SELECT count(*) FROM jobs WHERE state IN ('available', 'scheduled', 'executing', 'retryable')
AND queue > $1 AND queue <> 'notifications';

-- name: world_notices
SELECT count(*) FROM notices WHERE kind = $1;

-- name: world_resources
SELECT count(*) FROM resources WHERE id > $1;

-- name: world_rows
SELECT (SELECT count(*) FROM deployments) + (SELECT count(*) FROM migrations)
     + (SELECT count(*) FROM decisions) + (SELECT count(*) FROM jobs) + (SELECT count(*) FROM audit)
     + length($1);

-- name: world_slots
SELECT sum(slots_used) FROM hosts WHERE id > $1;

-- name: world_fences
SELECT count(*) FROM tenants WHERE fenced = 1 AND customer_id > $1;

-- name: world_places
SELECT count(*) FROM tenants WHERE customer_id = $1;

-- name: world_vehicles
SELECT count(*) FROM vehicles WHERE customer_id = $1;

-- name: world_points
SELECT count(*) FROM gps_points WHERE customer_id = $1;

-- name: world_vehicle_insert
INSERT INTO vehicles (customer_id, id, name, created_at) VALUES ($1, $2, 'A vehicle', 7);

-- name: world_vehicle_rename
UPDATE vehicles SET name = $2 WHERE customer_id = $1;

-- name: world_vehicle_delete
DELETE FROM vehicles WHERE customer_id = $1 AND id = $2;

-- name: world_point_delete
DELETE FROM gps_points WHERE customer_id = $1;

-- name: world_spoil
UPDATE gps_points SET speed = speed + 1 WHERE customer_id = $1
AND id = (SELECT max(id) FROM gps_points WHERE customer_id = $1);

-- name: world_job_cancel
UPDATE jobs SET state = 'cancelled' WHERE queue = $1 AND state <> 'completed';

-- name: world_place_row
-- Without what is the place's own.
SELECT slug, name FROM tenants WHERE customer_id = $1;

-- name: world_vehicle_rows
SELECT id, name, created_at FROM vehicles WHERE customer_id = $1 ORDER BY id;

-- name: world_point_rows
SELECT id, vehicle_id, at, latitude, longitude, speed FROM gps_points
WHERE customer_id = $1 ORDER BY id;

-- name: world_job_exhaust
UPDATE jobs SET max_attempts = attempt WHERE queue = $1 AND state = 'executing';
