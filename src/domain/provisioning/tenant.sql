-- name: tenant_insert
INSERT INTO tenants (customer_id, slug, name, deployment_id, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (customer_id) DO NOTHING;

-- name: tenant_owner
SELECT deployment_id FROM tenants WHERE customer_id = $1;

-- name: tenant_open_to_delete
-- The fence would refuse the deletions that follow in the same transaction.
UPDATE tenants SET fenced = 0 WHERE customer_id = $1 AND deployment_id = $2;

-- name: tenant_set_fence
UPDATE tenants SET fenced = $3, mover = $2 WHERE customer_id = $1 AND mover <= $2;

-- name: tenant_delete
DELETE FROM tenants WHERE customer_id = $1;

-- name: tenant_delete_vehicles
DELETE FROM vehicles WHERE customer_id = $1;

-- name: tenant_delete_points
DELETE FROM gps_points WHERE customer_id = $1;

-- name: tenant_usage
SELECT (SELECT count(*) FROM vehicles WHERE customer_id = $1) AS vehicle_count,
       (SELECT count(*) FROM gps_points WHERE customer_id = $1 AND at >= $2) AS gps_points_today;

-- name: vehicle_insert
INSERT INTO vehicles (customer_id, id, name, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (customer_id, id) DO NOTHING;

-- name: point_insert
INSERT INTO gps_points (customer_id, id, vehicle_id, at, latitude, longitude, speed)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (customer_id, id) DO NOTHING;
