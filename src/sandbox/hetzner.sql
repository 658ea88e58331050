-- Queries of the emulated Hetzner Cloud.

-- name: counter_next
INSERT INTO sandbox_counters (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = sandbox_counters.value + 1
RETURNING value;

-- name: server_insert
INSERT INTO hetzner_servers (id, name, server_type, image_id, location, labels, user_data, ipv4,
    ipv6, created_at, first, first_until, second, second_until, settled, locked_until, gone_at,
    ssh_keys, disk_gb, listed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, NULL, $17, $18, $19);

-- name: server_list
SELECT * FROM hetzner_servers WHERE gone_at IS NULL OR gone_at > $1 ORDER BY id;

-- name: server_get
SELECT * FROM hetzner_servers WHERE id = $1 AND (gone_at IS NULL OR gone_at > $2);

-- name: server_set_name
UPDATE hetzner_servers SET name = $2, listed_at = $3 WHERE id = $1;

-- name: server_set_labels
UPDATE hetzner_servers SET labels = $2, listed_at = $3 WHERE id = $1;

-- name: server_set_hardware
UPDATE hetzner_servers SET server_type = $2, disk_gb = $3, image_id = $4, user_data = $5
WHERE id = $1;

-- name: server_set_options
UPDATE hetzner_servers SET protected = $2, backup_window = $3, dns_ptr = $4 WHERE id = $1;

-- name: server_set_phases
UPDATE hetzner_servers SET first = $2, first_until = $3, second = $4, second_until = $5,
    settled = $6, locked_until = $7, gone_at = $8 WHERE id = $1;

-- name: server_purge
DELETE FROM hetzner_servers WHERE gone_at <= $1;

-- name: action_insert
INSERT INTO hetzner_actions (id, command, subject_kind, subject_id, other_kind, other_id,
    started_at, finished_at, failed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: action_get
SELECT * FROM hetzner_actions WHERE id = $1;

-- name: action_list_about
SELECT * FROM hetzner_actions
WHERE (subject_kind = $1 AND subject_id = $2) OR (other_kind = $1 AND other_id = $2) ORDER BY id;

-- name: image_insert
INSERT INTO hetzner_images (id, type, description, labels, server_id, server_name,
    source_image_id, disk_gb, created_at, ready_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: image_list
SELECT * FROM hetzner_images ORDER BY id;

-- name: image_get
SELECT * FROM hetzner_images WHERE id = $1;

-- name: image_delete_backups
DELETE FROM hetzner_images WHERE type = 'backup' AND server_id = $1;

-- name: image_delete
DELETE FROM hetzner_images WHERE id = $1;

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

-- name: thing_insert_one
INSERT INTO hetzner_things (id, kind, name, labels, location, detail, protected, created_at,
    ready_at, listed_at)
VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9);

-- name: thing_all
SELECT * FROM hetzner_things WHERE kind = $1 ORDER BY id;

-- name: thing_get_one
SELECT * FROM hetzner_things WHERE kind = $1 AND id = $2;

-- name: thing_save
UPDATE hetzner_things SET name = $2, labels = $3, detail = $4, protected = $5, listed_at = $6
WHERE id = $1;

-- name: thing_remove
DELETE FROM hetzner_things WHERE id = $1;

-- name: link_insert
INSERT INTO hetzner_links (thing_id, server_id, detail) VALUES ($1, $2, $3);

-- name: link_delete
DELETE FROM hetzner_links WHERE thing_id = $1 AND server_id = $2;

-- name: link_delete_all_of_thing
DELETE FROM hetzner_links WHERE thing_id = $1;

-- name: link_delete_all_of_server
DELETE FROM hetzner_links WHERE server_id = $1;

-- name: link_list_of_thing
SELECT l.*, t.kind, t.name FROM hetzner_links l JOIN hetzner_things t ON t.id = l.thing_id
WHERE l.thing_id = $1 ORDER BY l.server_id;

-- name: link_list_of_server
SELECT l.*, t.kind, t.name FROM hetzner_links l JOIN hetzner_things t ON t.id = l.thing_id
WHERE l.server_id = $1 ORDER BY l.thing_id;

-- name: server_set_ipv4
UPDATE hetzner_servers SET ipv4 = $2, dns_ptr = NULL WHERE id = $1;

-- name: server_set_ipv6
UPDATE hetzner_servers SET ipv6 = $2 WHERE id = $1;
