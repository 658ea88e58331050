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

-- name: tenants_vehicles
SELECT t.customer_id, (SELECT count(*) FROM vehicles v WHERE v.customer_id = t.customer_id)
       AS vehicles
FROM tenants t ORDER BY t.customer_id LIMIT $1;

-- name: tenants_points
SELECT t.customer_id, p.at / 3600000000 AS hour, count(*) AS points
FROM tenants t
JOIN gps_points p ON p.customer_id = t.customer_id
WHERE p.at >= $1 AND p.at < $2
GROUP BY t.customer_id, p.at / 3600000000
ORDER BY t.customer_id, hour;

-- name: tenants_bytes
/*pg
SELECT CAST(pg_total_relation_size('tenants') + pg_total_relation_size('vehicles')
            + pg_total_relation_size('gps_points') AS BIGINT)
*/
/*sqlite
SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()
*/;

-- name: tenants_rows
SELECT t.customer_id,
       1 + (SELECT count(*) FROM vehicles v WHERE v.customer_id = t.customer_id)
         + (SELECT count(*) FROM gps_points p WHERE p.customer_id = t.customer_id) AS rows
FROM tenants t ORDER BY t.customer_id LIMIT $1;
