-- name: route_truth
-- Where the customer lives, if it lives anywhere.
SELECT c.id, c.slug, CASE WHEN d.status = 'active' THEN 1 ELSE 0 END AS active,
       d.id AS deployment_id, d.mode, d.regions, d.app, h.address, d.database_url
FROM customers c
JOIN deployments d ON d.customer_id = c.id AND d.is_current = 1
LEFT JOIN hosts h ON h.id = d.host_id
WHERE c.id = $1 AND d.database_url IS NOT NULL;

-- name: route_customer_of
SELECT customer_id FROM deployments WHERE id = $1;

-- name: route_recorded
SELECT r.customer_id AS id, r.slug, r.version, r.fleet_version, r.active, r.deployment_id, r.mode,
       r.regions, r.application, r.engine, r.host, r.port, r.dbname, r.login, r.changed_at
FROM routes r WHERE r.customer_id = $1;

-- name: route_next_version
UPDATE routes_fleet SET version = version + 1 WHERE id = 1 RETURNING version;

-- name: route_fleet_version
SELECT version FROM routes_fleet WHERE id = 1;

-- name: route_write
INSERT INTO routes (customer_id, slug, version, fleet_version, active, deployment_id, mode, regions,
                    application, engine, host, port, dbname, login, changed_at)
VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (customer_id) DO UPDATE SET
    slug = excluded.slug, version = routes.version + 1, fleet_version = excluded.fleet_version,
    active = excluded.active, deployment_id = excluded.deployment_id, mode = excluded.mode,
    regions = excluded.regions, application = excluded.application, engine = excluded.engine,
    host = excluded.host, port = excluded.port, dbname = excluded.dbname, login = excluded.login,
    changed_at = excluded.changed_at;

-- name: route_by_slug
SELECT r.customer_id AS id, r.slug, r.version, r.fleet_version, r.active, r.deployment_id, r.mode,
       r.regions, r.application, r.engine, r.host, r.port, r.dbname, r.login, r.changed_at
FROM routes r WHERE r.slug = $1 AND r.active = 1;

-- name: route_page
SELECT r.customer_id AS id, r.slug, r.version, r.fleet_version, r.active, r.deployment_id, r.mode,
       r.regions, r.application, r.engine, r.host, r.port, r.dbname, r.login, r.changed_at
FROM routes r WHERE r.customer_id < $1 AND r.active = 1
ORDER BY r.customer_id DESC LIMIT $2;

-- name: route_changes
SELECT r.customer_id AS id, r.slug, r.version, r.fleet_version, r.active, r.deployment_id, r.mode,
       r.regions, r.application, r.engine, r.host, r.port, r.dbname, r.login, r.changed_at
FROM routes r WHERE r.fleet_version > $1
ORDER BY r.fleet_version LIMIT $2;

-- name: route_all_applications
SELECT slug, application FROM routes WHERE active = 1 AND application IS NOT NULL ORDER BY slug;

-- name: route_all_databases
SELECT r.slug, d.database_url
FROM routes r JOIN deployments d ON d.id = r.deployment_id
WHERE r.active = 1 AND r.engine = 'postgres' ORDER BY r.slug;

-- name: route_missing
-- Deployments that are active and were so before there were routes.
SELECT d.customer_id AS id FROM deployments d
WHERE d.is_current = 1 AND d.status = 'active' AND d.database_url IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM routes r WHERE r.customer_id = d.customer_id)
ORDER BY d.id LIMIT $1;
