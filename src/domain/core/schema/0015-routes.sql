-- Where each customer's clients go. A row is made with the first active deployment and stays for
-- ever: one that is not active any more tells caches that followed it to forget the customer.

CREATE TABLE routes (
    customer_id TEXT PRIMARY KEY REFERENCES customers (id),
    slug TEXT NOT NULL, -- what it was while the route was active
    version BIGINT NOT NULL,
    fleet_version BIGINT NOT NULL, -- the fleet's when this route changed last
    active BIGINT NOT NULL,
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    mode TEXT NOT NULL,
    regions TEXT NOT NULL,
    application TEXT, -- a host's address, an app's name at Fly
    engine TEXT NOT NULL, -- postgres, sqlite
    host TEXT,
    port BIGINT,
    dbname TEXT NOT NULL,
    login TEXT,
    changed_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX routes_by_slug ON routes (slug) WHERE active = 1;
CREATE UNIQUE INDEX routes_by_fleet_version ON routes (fleet_version);

-- One row, so that changes are numbered in the order in which they are committed: who has seen a
-- version has missed nothing below it.
CREATE TABLE routes_fleet (id BIGINT PRIMARY KEY, version BIGINT NOT NULL);

INSERT INTO routes_fleet (id, version) VALUES (1, 0);
