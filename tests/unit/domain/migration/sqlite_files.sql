-- name: files_fill_vehicles
INSERT INTO vehicles (customer_id, id, name, created_at)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
SELECT $1, printf('vehicle-%05d', i), '1', 7 FROM n;

-- name: files_fill_points
INSERT INTO gps_points (customer_id, id, vehicle_id, at, latitude, longitude, speed)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $3)
SELECT $1, printf('point-%07d', i), printf('vehicle-%05d', i % $2), 1000 * i, 5, 6, 1 FROM n;

-- name: files_vehicle_put
INSERT INTO vehicles (customer_id, id, name, created_at) VALUES ($1, $2, $3, 7)
ON CONFLICT (customer_id, id) DO UPDATE SET name = excluded.name;

-- name: files_vehicle_delete
DELETE FROM vehicles WHERE customer_id = $1 AND id = $2;

-- name: files_point_put
INSERT INTO gps_points (customer_id, id, vehicle_id, at, latitude, longitude, speed)
VALUES ($1, $2, $3, 3, 5, 6, $4)
ON CONFLICT (customer_id, id) DO UPDATE
SET vehicle_id = excluded.vehicle_id, speed = excluded.speed;

-- name: files_point_delete
DELETE FROM gps_points WHERE customer_id = $1 AND id = $2;

-- name: files_points_delete
DELETE FROM gps_points WHERE customer_id = $1 AND vehicle_id = $2;

-- name: files_points_speed
UPDATE gps_points SET speed = $3 WHERE customer_id = $1 AND vehicle_id = $2;

-- name: files_vehicles
SELECT id, name FROM vehicles WHERE customer_id = $1 ORDER BY id;

-- name: files_points
SELECT id, vehicle_id, speed FROM gps_points WHERE customer_id = $1 ORDER BY id;

-- name: files_spoil
UPDATE gps_points SET speed = speed + 1 WHERE customer_id = $1
AND id = (SELECT max(id) FROM gps_points WHERE customer_id = $1);

-- name: files_rename
UPDATE tenants SET name = $2 WHERE customer_id = $1;

-- name: files_unfence
UPDATE tenants SET fenced = 0 WHERE customer_id = $1;

-- name: files_fence
UPDATE tenants SET fenced = 1 WHERE customer_id = $1;

-- name: files_rows
SELECT (SELECT count(*) FROM vehicles WHERE customer_id = $1)
     + (SELECT count(*) FROM gps_points WHERE customer_id = $1);

-- name: files_open
SELECT count(*) FROM tenants WHERE customer_id = $1 AND fenced = 0;

-- name: files_marks
SELECT (SELECT count(*) FROM tenant_moves WHERE customer_id = $1)
     + (SELECT count(*) FROM tenant_changes WHERE customer_id = $1);

-- name: files_marked
SELECT count(*) FROM tenant_moves WHERE customer_id = $1;

-- name: files_carried_tables
-- Those with rows of tenants, without the mover's own.
SELECT count(DISTINCT m.name) FROM sqlite_schema m, pragma_table_info(m.name) c
WHERE m.type = 'table' AND c.name = 'customer_id' AND m.name NOT LIKE 'tenant\_%' ESCAPE '\';

-- name: files_columns
SELECT count(*) FROM pragma_table_info($1);

-- name: files_triggers
-- What captures changes of a table.
SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = $1
AND name LIKE '%\_capture\_%' ESCAPE '\';

-- name: files_extra_table
CREATE TABLE trips (customer_id TEXT, id TEXT);

-- name: files_extra_column
ALTER TABLE vehicles ADD COLUMN colour TEXT;

-- name: files_points_delete_all
DELETE FROM gps_points WHERE customer_id = $1;

-- name: files_vehicles_delete_all
DELETE FROM vehicles WHERE customer_id = $1;

-- name: files_extra_points
-- More than one batch holds, of the vehicle $2.
INSERT INTO gps_points (customer_id, id, vehicle_id, at, latitude, longitude, speed)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 1100)
SELECT $1, printf('extra-%07d', i), $2, i, 5, 6, 1 FROM n;

-- name: files_extra_points_delete
DELETE FROM gps_points WHERE customer_id = $1 AND vehicle_id = $2 AND id LIKE 'extra-%';
