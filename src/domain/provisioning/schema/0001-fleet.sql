-- The fleet-tracking application's schema. A shared database keeps every tenant's rows in the same
-- tables; a dedicated one has the same tables with one tenant in them, so that a tenant can move.

CREATE TABLE tenants (
    customer_id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE vehicles (
    customer_id TEXT NOT NULL REFERENCES tenants (customer_id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (customer_id, id)
);

CREATE TABLE gps_points (
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL,
    vehicle_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    latitude BIGINT NOT NULL,  -- degrees in 1/10,000,000
    longitude BIGINT NOT NULL, -- degrees in 1/10,000,000
    speed BIGINT NOT NULL,     -- km/h in 1/10
    PRIMARY KEY (customer_id, id),
    FOREIGN KEY (customer_id, vehicle_id) REFERENCES vehicles (customer_id, id)
);

CREATE INDEX gps_points_by_time ON gps_points (customer_id, at);
