-- Firewalls, networks, volumes, placement groups and primary IPs: what all have is in columns, what
-- one kind has alone is in `detail` (JSON). Links say which servers use them; a link's detail is an
-- address in a network.

CREATE TABLE hetzner_things (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    location TEXT,
    detail TEXT NOT NULL,
    protected BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ready_at BIGINT NOT NULL,
    listed_at BIGINT NOT NULL,
    UNIQUE (kind, name)
);

CREATE TABLE hetzner_links (
    thing_id BIGINT NOT NULL,
    server_id BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (thing_id, server_id)
);
CREATE INDEX hetzner_links_by_server ON hetzner_links (server_id);

-- An action is about a server or a thing, and sometimes about a second one.
DROP INDEX hetzner_actions_by_server;
ALTER TABLE hetzner_actions RENAME COLUMN server_id TO subject_id;
ALTER TABLE hetzner_actions ADD COLUMN subject_kind TEXT NOT NULL DEFAULT 'server';
ALTER TABLE hetzner_actions ADD COLUMN other_kind TEXT;
ALTER TABLE hetzner_actions ADD COLUMN other_id BIGINT;
ALTER TABLE hetzner_actions ADD COLUMN failed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX hetzner_actions_by_subject ON hetzner_actions (subject_kind, subject_id);
CREATE INDEX hetzner_actions_by_other ON hetzner_actions (other_kind, other_id);

ALTER TABLE hetzner_servers ADD COLUMN ssh_keys TEXT NOT NULL DEFAULT '[]';
ALTER TABLE hetzner_servers ADD COLUMN disk_gb BIGINT;
ALTER TABLE hetzner_servers ADD COLUMN backup_window TEXT;
ALTER TABLE hetzner_servers ADD COLUMN protected BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hetzner_servers ADD COLUMN dns_ptr TEXT;
ALTER TABLE hetzner_servers ADD COLUMN listed_at BIGINT NOT NULL DEFAULT 0;

-- Snapshots and backups of servers.
CREATE TABLE hetzner_images (
    id BIGINT PRIMARY KEY,
    type TEXT NOT NULL,
    description TEXT NOT NULL,
    labels TEXT NOT NULL,
    server_id BIGINT NOT NULL,
    server_name TEXT NOT NULL,
    source_image_id BIGINT NOT NULL,
    disk_gb BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ready_at BIGINT NOT NULL
);
