-- name: collect_places
-- In order of their ids, hosts and dedicated deployments mixed.
SELECT id, is_host FROM (
    SELECT * FROM (SELECT id, 1 AS is_host FROM hosts
                   WHERE id > $1 AND status IN ('active', 'draining') AND slots_used > 0
                   ORDER BY id LIMIT $2) AS shared
    UNION ALL
    SELECT * FROM (SELECT id, 0 AS is_host FROM deployments
                   WHERE id > $1 AND mode = 'single_tenant' AND is_current = 1
                     AND status = 'active' AND database_url IS NOT NULL
                   ORDER BY id LIMIT $2) AS dedicated) AS places
ORDER BY id LIMIT $2;

-- name: collect_tenants_of_host
SELECT customer_id, database_url FROM deployments
WHERE host_id = $1 AND is_current = 1 AND status = 'active' AND database_url IS NOT NULL
ORDER BY database_url, customer_id LIMIT $2;

-- name: collect_tenant_of_deployment
SELECT customer_id, database_url FROM deployments
WHERE id = $1 AND is_current = 1 AND status = 'active' AND database_url IS NOT NULL LIMIT $2;

-- name: collect_position
SELECT position FROM usage_positions WHERE name = 'collect';

-- name: collect_set_position
INSERT INTO usage_positions (name, position) VALUES ('collect', $1)
ON CONFLICT (name) DO UPDATE SET position = excluded.position;

-- name: collect_put_points
-- An hour of which nothing new is known is not touched, and not measured again.
INSERT INTO usage_hours (customer_id, hour, gps_collected, changed_at)
/*pg
SELECT *, CAST($1 AS BIGINT) FROM unnest($2::text[], $3::bigint[], $4::bigint[])
*/
/*sqlite
SELECT c0, c1, c2, $1 FROM rows($2, $3, $4) WHERE true
*/
ON CONFLICT (customer_id, hour) DO UPDATE
SET gps_collected = excluded.gps_collected, changed_at = excluded.changed_at
WHERE usage_hours.gps_collected < excluded.gps_collected;

-- name: collect_put_samples
INSERT INTO usage_hours (customer_id, hour, vehicles, storage_bytes, collections, changed_at)
/*pg
SELECT customer_id, $2, vehicles, storage_bytes, 1, CAST($1 AS BIGINT)
FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS r (customer_id, vehicles, storage_bytes)
*/
/*sqlite
SELECT c0, $2, c1, c2, 1, $1 FROM rows($3, $4, $5) WHERE true
*/
ON CONFLICT (customer_id, hour) DO UPDATE
SET changed_at = CASE WHEN usage_hours.collections = 0
                        OR usage_hours.vehicles < excluded.vehicles
                        OR usage_hours.storage_bytes < excluded.storage_bytes
                      THEN excluded.changed_at ELSE usage_hours.changed_at END,
    vehicles = /*pg GREATEST */ /*sqlite max */ (usage_hours.vehicles, excluded.vehicles),
    storage_bytes = /*pg GREATEST */ /*sqlite max */
        (usage_hours.storage_bytes, excluded.storage_bytes),
    collections = usage_hours.collections + 1;
