-- Accounts, decisions, deployments, audit: the first schema.
-- Money and scores are BIGINT in 1/10000 (USD a month), times are BIGINT microseconds since 1970,
-- ids are UUIDv7 in TEXT, lists and documents are JSON in TEXT.

CREATE TABLE plans (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    mode TEXT NOT NULL,
    price BIGINT NOT NULL,
    rank BIGINT NOT NULL UNIQUE
);

INSERT INTO plans (slug, name, mode, price, rank) VALUES
    ('hobby', 'Hobby', 'multi_tenant', 290000, 0),
    ('starter', 'Starter', 'single_tenant', 790000, 1),
    ('professional', 'Professional', 'single_tenant', 1990000, 2),
    ('business', 'Business', 'single_tenant', 5990000, 3);

CREATE TABLE customers (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    company_name TEXT,
    billing_email TEXT,
    status TEXT NOT NULL,
    profile TEXT NOT NULL, -- what the customer told us, in the form the decision engine reads
    created_at BIGINT NOT NULL
);

CREATE TABLE subscriptions (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    plan TEXT NOT NULL REFERENCES plans (slug),
    started_at BIGINT NOT NULL,
    ended_at BIGINT
);

CREATE UNIQUE INDEX subscriptions_current ON subscriptions (customer_id) WHERE ended_at IS NULL;

CREATE TABLE decisions (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    trigger TEXT NOT NULL, -- signup, evaluation, migration
    mode TEXT NOT NULL,
    plan TEXT NOT NULL,
    confidence BIGINT NOT NULL,
    reason TEXT NOT NULL,
    policy TEXT NOT NULL,
    policy_sha256 TEXT NOT NULL,
    document TEXT NOT NULL,
    made_at BIGINT NOT NULL
);

CREATE INDEX decisions_by_customer ON decisions (customer_id, id);

CREATE TABLE hosts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    location TEXT NOT NULL,
    server_type TEXT NOT NULL,
    status TEXT NOT NULL, -- creating, active, failed
    capacity BIGINT NOT NULL,
    slots_used BIGINT NOT NULL,
    provider_id BIGINT,
    address TEXT,
    database_url TEXT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL,
    active_at BIGINT,
    CHECK (slots_used >= 0 AND slots_used <= capacity)
);

CREATE INDEX hosts_by_location ON hosts (location, status);

-- Where a customer lives, lived, or is about to live.
CREATE TABLE deployments (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    mode TEXT NOT NULL,
    plan TEXT NOT NULL REFERENCES plans (slug),
    status TEXT NOT NULL, -- provisioning, active, failed, retiring, retired
    is_current BIGINT NOT NULL,
    regions TEXT NOT NULL,
    host_id TEXT REFERENCES hosts (id),
    app TEXT UNIQUE,
    database_url TEXT,
    decision_id TEXT REFERENCES decisions (id),
    error TEXT,
    created_at BIGINT NOT NULL,
    active_at BIGINT,
    retired_at BIGINT
);

CREATE UNIQUE INDEX deployments_current ON deployments (customer_id) WHERE is_current = 1;
CREATE INDEX deployments_by_customer ON deployments (customer_id, id);
CREATE INDEX deployments_by_host ON deployments (host_id) WHERE host_id IS NOT NULL;

-- Every cloud resource that exists for one deployment alone, recorded before it is created.
CREATE TABLE resources (
    id TEXT PRIMARY KEY,
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    kind TEXT NOT NULL, -- app, volume, machine, database_volume, database_machine
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    provider_id TEXT,
    status TEXT NOT NULL, -- intended, created, deleted
    created_at BIGINT NOT NULL,
    UNIQUE (deployment_id, kind, region, name)
);

CREATE TABLE migrations (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    from_mode TEXT NOT NULL,
    to_mode TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    decision_id TEXT REFERENCES decisions (id),
    source_id TEXT NOT NULL REFERENCES deployments (id),
    target_id TEXT REFERENCES deployments (id),
    rows_copied BIGINT,
    stall_us BIGINT,
    proof TEXT,
    error TEXT,
    run BIGINT NOT NULL, -- grows with every run of a move of this customer; tells old runs from new
    fenced_at BIGINT,    -- since when the tenant is (or may be) read-only; NULL: it is not
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);

CREATE UNIQUE INDEX migrations_running ON migrations (customer_id) WHERE finished_at IS NULL;
CREATE INDEX migrations_by_customer ON migrations (customer_id, id);
CREATE INDEX migrations_by_state ON migrations (state, id);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL, -- admin, viewer
    sha256 TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE idempotency_keys (
    token_id TEXT NOT NULL,
    key TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (token_id, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT
);
