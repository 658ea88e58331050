-- What people were told: notices, and the delivery of each to each target.

CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL, -- info, warning, critical
    customer_id TEXT,
    text TEXT NOT NULL,
    details TEXT,
    key TEXT,                 -- what it is about; NULL: it stands for itself
    resolved BIGINT NOT NULL, -- 1: what the key is about is over
    count BIGINT NOT NULL,    -- how often it came; it was told once
    created_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);

CREATE INDEX notices_by_key ON notices (key, id) WHERE key IS NOT NULL;
CREATE INDEX notices_by_customer ON notices (customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX notices_by_kind ON notices (kind, id);

CREATE TABLE deliveries (
    notice_id TEXT NOT NULL REFERENCES notices (id),
    target TEXT NOT NULL, -- its name in the configuration
    state TEXT NOT NULL,  -- waiting, sent, failed
    due_at BIGINT NOT NULL,
    sent_at BIGINT,
    attempts BIGINT NOT NULL DEFAULT 0,
    error TEXT,
    PRIMARY KEY (notice_id, target)
);

CREATE INDEX deliveries_due ON deliveries (target, due_at) WHERE state = 'waiting';
