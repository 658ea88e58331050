-- Customers who leave, and what they take with them.

-- Times, states and words as in the first schema. `mode` and `plan` are what the customer had when
-- it asked, for figures of who leaves from where.
CREATE TABLE offboardings (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    slug TEXT NOT NULL, -- the customer's; free for others once this is done
    state TEXT NOT NULL,
    mode TEXT NOT NULL,
    plan TEXT NOT NULL REFERENCES plans (slug),
    reason TEXT NOT NULL,
    comment TEXT,
    requested_by TEXT NOT NULL,
    retention_days BIGINT NOT NULL,
    wants_export BIGINT NOT NULL,
    run BIGINT NOT NULL, -- of the same series as migrations.run: the tenant's fence goes by both
    retain_until BIGINT, -- known once the customer is shut out
    error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);

CREATE UNIQUE INDEX offboardings_running ON offboardings (customer_id) WHERE finished_at IS NULL;
CREATE INDEX offboardings_by_customer ON offboardings (customer_id, id);

-- The newest export of a customer's data: a file in the directory of exports.
CREATE TABLE exports (
    customer_id TEXT PRIMARY KEY REFERENCES customers (id),
    node TEXT NOT NULL, -- the name of the node that made it
    row_count BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX exports_by_age ON exports (expires_at);

-- A customer's newest subscription, ended or not.
CREATE INDEX subscriptions_by_customer ON subscriptions (customer_id, id);
