-- Queries of the emulated Hetzner Cloud.

-- name: counter_next
INSERT INTO sandbox_counters (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = sandbox_counters.value + 1
RETURNING value;

-- name: server_insert
INSERT INTO hetzner_servers (id, name, server_type, image_id, location, labels, user_data, ipv4,
    ipv6, created_at, first, first_until, second, second_until, settled, locked_until, gone_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, NULL);

-- name: server_list
SELECT * FROM hetzner_servers WHERE gone_at IS NULL OR gone_at > $1 ORDER BY id;

-- name: server_get
SELECT * FROM hetzner_servers WHERE id = $1 AND (gone_at IS NULL OR gone_at > $2);

-- name: server_set_name
UPDATE hetzner_servers SET name = $2 WHERE id = $1;

-- name: server_set_labels
UPDATE hetzner_servers SET labels = $2 WHERE id = $1;

-- name: server_set_phases
UPDATE hetzner_servers SET first = $2, first_until = $3, second = $4, second_until = $5,
    settled = $6, locked_until = $7, gone_at = $8 WHERE id = $1;

-- name: server_purge
DELETE FROM hetzner_servers WHERE gone_at <= $1;

-- name: action_insert
INSERT INTO hetzner_actions (id, command, server_id, started_at, finished_at)
VALUES ($1, $2, $3, $4, $5);

-- name: action_get
SELECT * FROM hetzner_actions WHERE id = $1;

-- name: action_list_of_server
SELECT * FROM hetzner_actions WHERE server_id = $1 ORDER BY id;

-- name: ssh_key_insert
INSERT INTO hetzner_ssh_keys (id, name, fingerprint, public_key, labels, created_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: ssh_key_list
SELECT * FROM hetzner_ssh_keys ORDER BY id;

-- name: ssh_key_get
SELECT * FROM hetzner_ssh_keys WHERE id = $1;

-- name: ssh_key_count_named
SELECT COUNT(*) FROM hetzner_ssh_keys WHERE name = $1;

-- name: ssh_key_update
UPDATE hetzner_ssh_keys SET name = $2, labels = $3 WHERE id = $1;

-- name: ssh_key_delete
DELETE FROM hetzner_ssh_keys WHERE id = $1;
