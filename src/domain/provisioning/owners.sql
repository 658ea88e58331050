-- name: owned_hosts
SELECT id AS owner, name, location AS region, server_type AS size, address,
       CAST(provider_id AS TEXT) AS id, status, COALESCE(active_at, created_at) AS since
FROM hosts ORDER BY id LIMIT $1;

-- name: owned_apps
SELECT id AS owner, app AS name, app AS id, status, COALESCE(active_at, created_at) AS since
FROM deployments WHERE app IS NOT NULL ORDER BY id LIMIT $1;

-- name: owned_resources
-- While an instance is scaled its things have one size or the other.
SELECT r.deployment_id AS owner, r.kind, r.name, r.region, r.provider_id AS id, r.status,
       CASE WHEN d.scaling <> 0 THEN NULL
            WHEN r.kind IN ('volume', 'database_volume') THEN r.size || ' GB'
            ELSE r.size END AS size,
       d.status AS place, d.app, CASE WHEN d.active_at > r.created_at THEN d.active_at
                                      ELSE r.created_at END AS since
FROM resources r JOIN deployments d ON d.id = r.deployment_id
WHERE d.app IS NOT NULL AND r.kind IN ('volume', 'database_volume', 'machine', 'database_machine',
                                        'ip', 'database_cluster')
ORDER BY r.id LIMIT $1;
