-- name: copy_claim
-- The first statement of everything that changes the target: its fence is open for the rest of
-- the transaction and never between two.
UPDATE tenants SET fenced = 0, mover = $2
WHERE customer_id = $1 AND mover <= $2 AND deployment_id = $3;

-- name: copy_close
UPDATE tenants SET fenced = 1 WHERE customer_id = $1;

-- name: copy_is_fenced
SELECT fenced FROM tenants WHERE customer_id = $1;

-- name: copy_rows_of
SELECT (SELECT count(*) FROM vehicles WHERE customer_id = $1)
     + (SELECT count(*) FROM gps_points WHERE customer_id = $1);

-- name: copy_fence_held
SELECT fenced FROM tenants WHERE customer_id = $1 AND mover = $2;

-- name: copy_clear_points
DELETE FROM gps_points WHERE customer_id = $1;

-- name: copy_clear_vehicles
DELETE FROM vehicles WHERE customer_id = $1;

-- name: copy_tenants_page
SELECT customer_id, slug, name, created_at FROM tenants
WHERE customer_id = $1 AND customer_id > $2 ORDER BY customer_id LIMIT $3;

-- name: copy_tenants_insert
-- The target has the place already; what it says about the tenant comes from the source.
UPDATE tenants SET slug = $2, name = $3, created_at = $4 WHERE customer_id = $1;

-- name: copy_vehicles_page
SELECT customer_id, id, name, created_at FROM vehicles
WHERE customer_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: copy_vehicles_insert
INSERT INTO vehicles (customer_id, id, name, created_at) VALUES ($1, $2, $3, $4);

-- name: copy_points_page
SELECT customer_id, id, vehicle_id, at, latitude, longitude, speed FROM gps_points
WHERE customer_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: copy_points_insert
INSERT INTO gps_points (customer_id, id, vehicle_id, at, latitude, longitude, speed)
VALUES ($1, $2, $3, $4, $5, $6, $7);
