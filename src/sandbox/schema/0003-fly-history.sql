-- What a machine has been through, and what a read that lags behind still sees of it.

ALTER TABLE fly_machines ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE fly_machines ADD COLUMN before TEXT;
ALTER TABLE fly_machines ADD COLUMN cordoned BIGINT NOT NULL DEFAULT 0;
ALTER TABLE fly_machines ADD COLUMN memory_limit_mb BIGINT;

CREATE TABLE fly_machine_events (
    number BIGINT PRIMARY KEY,
    machine_id TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX fly_machine_events_by_machine ON fly_machine_events (machine_id);

CREATE TABLE fly_machine_versions (
    machine_id TEXT NOT NULL,
    version TEXT NOT NULL,
    config TEXT NOT NULL,
    PRIMARY KEY (machine_id, version)
);

CREATE TABLE fly_snapshots (
    id TEXT PRIMARY KEY,
    volume_id TEXT NOT NULL,
    size_gb BIGINT NOT NULL,
    retention_days BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX fly_snapshots_by_volume ON fly_snapshots (volume_id);
