-- What exists in the emulated clouds. Times are microseconds; a row's state at a moment follows
-- from the five phase columns (phases.h): first until first_until, then second until second_until,
-- then settled.

CREATE TABLE sandbox_counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE hetzner_servers (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    server_type TEXT NOT NULL,
    image_id BIGINT NOT NULL,
    location TEXT NOT NULL,
    labels TEXT NOT NULL,
    user_data TEXT,
    ipv4 TEXT,
    ipv6 TEXT,
    created_at BIGINT NOT NULL,
    first TEXT NOT NULL,
    first_until BIGINT NOT NULL,
    second TEXT NOT NULL,
    second_until BIGINT NOT NULL,
    settled TEXT NOT NULL,
    locked_until BIGINT NOT NULL,
    gone_at BIGINT
);

CREATE TABLE hetzner_actions (
    id BIGINT PRIMARY KEY,
    command TEXT NOT NULL,
    server_id BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL
);
CREATE INDEX hetzner_actions_by_server ON hetzner_actions (server_id);

CREATE TABLE hetzner_ssh_keys (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL,
    labels TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE fly_apps (
    name TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    number BIGINT NOT NULL,
    org_slug TEXT NOT NULL,
    network TEXT NOT NULL,
    secrets_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE fly_machines (
    id TEXT PRIMARY KEY,
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    private_ip TEXT NOT NULL,
    config TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    first TEXT NOT NULL,
    first_until BIGINT NOT NULL,
    second TEXT NOT NULL,
    second_until BIGINT NOT NULL,
    settled TEXT NOT NULL,
    lease_nonce TEXT,
    lease_expires_at BIGINT,
    lease_description TEXT,
    destroyed_at BIGINT
);
-- A destroyed machine stays readable, and its name is free again.
CREATE UNIQUE INDEX fly_machines_by_name ON fly_machines (app, name) WHERE destroyed_at IS NULL;

CREATE TABLE fly_volumes (
    id TEXT PRIMARY KEY,
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    zone TEXT NOT NULL,
    size_gb BIGINT NOT NULL,
    encrypted BIGINT NOT NULL,
    snapshot_retention BIGINT NOT NULL,
    auto_backup BIGINT NOT NULL,
    machine_id TEXT,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX fly_volumes_by_app ON fly_volumes (app);

CREATE TABLE fly_secrets (
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (app, name)
);

CREATE TABLE fly_ips (
    app TEXT NOT NULL,
    ip TEXT NOT NULL,
    region TEXT NOT NULL,
    service_name TEXT NOT NULL,
    shared BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (app, ip)
);

CREATE TABLE fly_certificates (
    app TEXT NOT NULL,
    hostname TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (app, hostname)
);

CREATE TABLE fly_postgres (
    id TEXT PRIMARY KEY,
    org_slug TEXT NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    plan TEXT NOT NULL,
    disk_size_gb BIGINT NOT NULL,
    pg_major_version TEXT NOT NULL,
    postgis_enabled BIGINT NOT NULL,
    password TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ready_at BIGINT NOT NULL
);
