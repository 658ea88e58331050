-- The tenants' tables, as tables.c lists them. A column that is added to one belongs in all of its
-- queries; a test compares them with the schema.

-- name: moved_tenants_page
SELECT customer_id, slug, name, created_at FROM tenants
WHERE customer_id = $1 AND customer_id > $2 ORDER BY customer_id LIMIT $3;

-- name: moved_tenants_changed
SELECT customer_id, slug, name, created_at FROM tenants
WHERE customer_id = $1 AND EXISTS (
    SELECT 1 FROM tenant_changes
    WHERE customer_id = $1 AND table_name = 'tenants' AND seq > $2 AND seq <= $3);

-- name: moved_tenants_put
-- The place is there already; what it says about the tenant comes from the other side.
UPDATE tenants SET slug = r.c1, name = r.c2, created_at = r.c3
FROM rows($1, $2, $3, $4) AS r
WHERE tenants.customer_id = r.c0;

-- name: moved_vehicles_page
SELECT customer_id, id, name, created_at FROM vehicles
WHERE customer_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: moved_vehicles_needed
-- By the page of points after $2.
SELECT customer_id, id, name, created_at FROM vehicles
WHERE customer_id = $1 AND id IN (
    SELECT vehicle_id FROM (SELECT vehicle_id FROM gps_points
                            WHERE customer_id = $1 AND id > $2 ORDER BY id LIMIT $3));

-- name: moved_vehicles_changed
-- And those that changed points belong to: such a vehicle may be new, and its own entry come later.
SELECT customer_id, id, name, created_at FROM vehicles
WHERE customer_id = $1 AND id IN (
    SELECT id FROM tenant_changes
    WHERE customer_id = $1 AND table_name = 'vehicles' AND seq > $2 AND seq <= $3
    UNION
    SELECT p.vehicle_id FROM tenant_changes c
    JOIN gps_points p ON p.customer_id = c.customer_id AND p.id = c.id
    WHERE c.customer_id = $1 AND c.table_name = 'gps_points' AND c.seq > $2 AND c.seq <= $3);

-- name: moved_vehicles_gone
SELECT c.id FROM tenant_changes c
WHERE c.customer_id = $1 AND c.table_name = 'vehicles' AND c.seq > $2 AND c.seq <= $3
  AND NOT EXISTS (SELECT 1 FROM vehicles v WHERE v.customer_id = c.customer_id AND v.id = c.id);

-- name: moved_vehicles_put
INSERT INTO vehicles (customer_id, id, name, created_at)
SELECT c0, c1, c2, c3 FROM rows($1, $2, $3, $4) WHERE true
ON CONFLICT (customer_id, id) DO UPDATE
SET name = excluded.name, created_at = excluded.created_at;

-- name: moved_vehicles_release
DELETE FROM gps_points WHERE customer_id = $1 AND vehicle_id IN (SELECT c0 FROM rows($2));

-- name: moved_vehicles_remove
DELETE FROM vehicles WHERE customer_id = $1 AND id IN (SELECT c0 FROM rows($2));

-- name: moved_vehicles_clear
DELETE FROM vehicles WHERE customer_id = $1 AND id IN (
    SELECT id FROM vehicles WHERE customer_id = $1 LIMIT $2);

-- name: moved_vehicles_count
SELECT count(*) FROM vehicles WHERE customer_id = $1;

-- name: moved_points_page
SELECT customer_id, id, vehicle_id, at, latitude, longitude, speed FROM gps_points
WHERE customer_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: moved_points_changed
SELECT p.customer_id, p.id, p.vehicle_id, p.at, p.latitude, p.longitude, p.speed
FROM tenant_changes c
JOIN gps_points p ON p.customer_id = c.customer_id AND p.id = c.id
WHERE c.customer_id = $1 AND c.table_name = 'gps_points' AND c.seq > $2 AND c.seq <= $3;

-- name: moved_points_gone
SELECT c.id FROM tenant_changes c
WHERE c.customer_id = $1 AND c.table_name = 'gps_points' AND c.seq > $2 AND c.seq <= $3
  AND NOT EXISTS (SELECT 1 FROM gps_points p WHERE p.customer_id = c.customer_id AND p.id = c.id);

-- name: moved_points_put
INSERT INTO gps_points (customer_id, id, vehicle_id, at, latitude, longitude, speed)
SELECT c0, c1, c2, c3, c4, c5, c6 FROM rows($1, $2, $3, $4, $5, $6, $7) WHERE true
ON CONFLICT (customer_id, id) DO UPDATE
SET vehicle_id = excluded.vehicle_id, at = excluded.at, latitude = excluded.latitude,
    longitude = excluded.longitude, speed = excluded.speed;

-- name: moved_points_remove
DELETE FROM gps_points WHERE customer_id = $1 AND id IN (SELECT c0 FROM rows($2));

-- name: moved_points_clear
DELETE FROM gps_points WHERE customer_id = $1 AND id IN (
    SELECT id FROM gps_points WHERE customer_id = $1 LIMIT $2);

-- name: moved_points_count
SELECT count(*) FROM gps_points WHERE customer_id = $1;

-- name: moved_tenants_count
SELECT count(*) FROM tenants WHERE customer_id = $1;
