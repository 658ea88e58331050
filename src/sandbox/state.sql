-- Everything that exists, for GET /sandbox/state.

-- name: state_servers
SELECT id, name, labels, server_type, location, user_data, ssh_keys FROM hetzner_servers
WHERE gone_at IS NULL ORDER BY id;

-- name: state_ssh_keys
SELECT id, name, labels FROM hetzner_ssh_keys ORDER BY id;

-- name: state_apps
SELECT name, org_slug FROM fly_apps ORDER BY name;

-- name: state_machines
SELECT id, app, name, region, config FROM fly_machines WHERE destroyed_at IS NULL
ORDER BY created_at, id;

-- name: state_volumes
SELECT id, app, name, region, machine_id FROM fly_volumes WHERE deleted_at IS NULL
ORDER BY created_at, id;

-- name: state_postgres
SELECT id, name, org_slug, region FROM fly_postgres ORDER BY created_at, id;

-- name: state_firewalls
SELECT id, name, labels, location FROM hetzner_things WHERE kind = 'firewall' ORDER BY id;

-- name: state_networks
SELECT id, name, labels, location FROM hetzner_things WHERE kind = 'network' ORDER BY id;

-- name: state_hetzner_volumes
SELECT id, name, labels, location FROM hetzner_things WHERE kind = 'volume' ORDER BY id;

-- name: state_placement_groups
SELECT id, name, labels, location FROM hetzner_things WHERE kind = 'placement_group' ORDER BY id;

-- name: state_primary_ips
SELECT id, name, labels, location FROM hetzner_things WHERE kind = 'primary_ip' ORDER BY id;

-- name: state_images
SELECT id, description AS name, labels, type FROM hetzner_images ORDER BY id;
