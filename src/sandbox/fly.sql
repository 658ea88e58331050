-- Queries of the emulated Fly.io.

-- name: app_insert
INSERT INTO fly_apps (name, id, number, org_slug, network, secrets_version, created_at)
VALUES ($1, $2, $3, $4, $5, 0, $6);

-- name: app_number_next
INSERT INTO sandbox_counters (name, value) VALUES ('fly_app', 1)
ON CONFLICT (name) DO UPDATE SET value = sandbox_counters.value + 1
RETURNING value;

-- name: app_get
SELECT a.*,
    (SELECT COUNT(*) FROM fly_machines m WHERE m.app = a.name AND m.destroyed_at IS NULL)
        AS machine_count,
    (SELECT COUNT(*) FROM fly_volumes v WHERE v.app = a.name AND v.deleted_at IS NULL)
        AS volume_count
FROM fly_apps a WHERE a.name = $1;

-- name: app_list
SELECT a.*,
    (SELECT COUNT(*) FROM fly_machines m WHERE m.app = a.name AND m.destroyed_at IS NULL)
        AS machine_count,
    (SELECT COUNT(*) FROM fly_volumes v WHERE v.app = a.name AND v.deleted_at IS NULL)
        AS volume_count
FROM fly_apps a WHERE a.org_slug = $1 ORDER BY a.name;

-- name: app_delete
DELETE FROM fly_apps WHERE name = $1;

-- name: app_delete_machines
DELETE FROM fly_machines WHERE app = $1;

-- name: app_delete_volumes
DELETE FROM fly_volumes WHERE app = $1;

-- name: app_delete_secrets
DELETE FROM fly_secrets WHERE app = $1;

-- name: app_delete_ips
DELETE FROM fly_ips WHERE app = $1;

-- name: app_delete_certificates
DELETE FROM fly_certificates WHERE app = $1;

-- name: app_next_secrets_version
UPDATE fly_apps SET secrets_version = secrets_version + 1 WHERE name = $1
RETURNING secrets_version;

-- name: machine_insert
INSERT INTO fly_machines (id, app, name, region, instance_id, private_ip, config, created_at,
    updated_at, first, first_until, second, second_until, settled, lease_nonce, lease_expires_at,
    lease_description, destroyed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14, $15, NULL, NULL);

-- name: machine_get
SELECT * FROM fly_machines WHERE app = $1 AND id = $2;

-- name: machine_list
SELECT * FROM fly_machines WHERE app = $1 ORDER BY created_at, id;

-- name: machine_list_of_org
SELECT m.* FROM fly_machines m JOIN fly_apps a ON a.name = m.app
WHERE a.org_slug = $1 AND m.id > $2 ORDER BY m.id;

-- name: machine_set_phases
UPDATE fly_machines SET first = $2, first_until = $3, second = $4, second_until = $5, settled = $6,
    updated_at = $7, destroyed_at = $8 WHERE id = $1;

-- name: machine_set_config
UPDATE fly_machines SET config = $2, instance_id = $3, updated_at = $4 WHERE id = $1;

-- name: machine_set_lease
UPDATE fly_machines SET lease_nonce = $2, lease_expires_at = $3, lease_description = $4
WHERE id = $1;

-- name: volume_insert
INSERT INTO fly_volumes (id, app, name, region, zone, size_gb, encrypted, snapshot_retention,
    auto_backup, machine_id, created_at, deleted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, $10, NULL);

-- name: volume_get
SELECT * FROM fly_volumes WHERE app = $1 AND id = $2;

-- name: volume_list
SELECT * FROM fly_volumes WHERE app = $1 ORDER BY created_at, id;

-- name: volume_update
UPDATE fly_volumes SET size_gb = $2, snapshot_retention = $3, auto_backup = $4 WHERE id = $1;

-- name: volume_delete
UPDATE fly_volumes SET deleted_at = $2 WHERE id = $1;

-- name: volume_purge
DELETE FROM fly_volumes WHERE deleted_at <= $1;

-- name: volume_attach
UPDATE fly_volumes SET machine_id = $2 WHERE id = $1;

-- name: volume_detach_all
UPDATE fly_volumes SET machine_id = NULL WHERE machine_id = $1;

-- name: secret_put
INSERT INTO fly_secrets (app, name, digest, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (app, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at;

-- name: secret_list
SELECT * FROM fly_secrets WHERE app = $1 ORDER BY name;

-- name: secret_delete
DELETE FROM fly_secrets WHERE app = $1 AND name = $2;

-- name: ip_insert
INSERT INTO fly_ips (app, ip, region, service_name, shared, created_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: ip_list
SELECT * FROM fly_ips WHERE app = $1 ORDER BY created_at, ip;

-- name: ip_delete
DELETE FROM fly_ips WHERE app = $1 AND ip = $2;

-- name: certificate_insert
INSERT INTO fly_certificates (app, hostname, created_at) VALUES ($1, $2, $3);

-- name: certificate_get
SELECT * FROM fly_certificates WHERE app = $1 AND hostname = $2;

-- name: certificate_list
SELECT * FROM fly_certificates WHERE app = $1 ORDER BY hostname;

-- name: certificate_delete
DELETE FROM fly_certificates WHERE app = $1 AND hostname = $2;

-- name: postgres_insert
INSERT INTO fly_postgres (id, org_slug, name, region, plan, disk_size_gb, pg_major_version,
    postgis_enabled, password, created_at, ready_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: postgres_get
SELECT * FROM fly_postgres WHERE id = $1;

-- name: postgres_list
SELECT * FROM fly_postgres WHERE org_slug = $1 ORDER BY created_at, id;

-- name: postgres_delete
DELETE FROM fly_postgres WHERE id = $1 AND org_slug = $2;

-- name: machine_set_before
UPDATE fly_machines SET before = $2, changed_at = $3 WHERE id = $1;

-- name: machine_set_cordoned
UPDATE fly_machines SET cordoned = $2 WHERE id = $1;

-- name: machine_set_memory
UPDATE fly_machines SET memory_limit_mb = $2 WHERE id = $1;

-- name: event_insert
INSERT INTO fly_machine_events (number, machine_id, type, status, at) VALUES ($1, $2, $3, $4, $5);

-- name: event_list
SELECT * FROM fly_machine_events WHERE machine_id = $1 ORDER BY number DESC LIMIT $2;

-- name: version_insert
INSERT INTO fly_machine_versions (machine_id, version, config) VALUES ($1, $2, $3);

-- name: version_list
SELECT * FROM fly_machine_versions WHERE machine_id = $1 ORDER BY version DESC;

-- name: snapshot_insert
INSERT INTO fly_snapshots (id, volume_id, size_gb, retention_days, created_at)
VALUES ($1, $2, $3, $4, $5);

-- name: snapshot_list
SELECT * FROM fly_snapshots WHERE volume_id = $1 ORDER BY created_at, id;

-- name: secret_get
SELECT * FROM fly_secrets WHERE app = $1 AND name = $2;

-- name: app_secrets_version
SELECT secrets_version FROM fly_apps WHERE name = $1;
