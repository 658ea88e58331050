-- What was asked of the clouds, and which installation asks.

-- One row. Its id goes into the labels of everything that is made.
CREATE TABLE installation (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    made_at BIGINT NOT NULL
);

-- One row for each request that was sent or tried: no bodies, no secrets, kept for some days.
CREATE TABLE provider_calls (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL, -- the path with its names left out: /servers/{id}
    subject TEXT, -- the deployment or host that it was for
    customer_id TEXT,
    request_id TEXT, -- the provider's own, for its support
    status BIGINT, -- NULL: no reply came
    outcome TEXT NOT NULL, -- ok, or the class of the error
    error_code TEXT, -- the provider's word, or ours for what the network did
    took_us BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);

CREATE INDEX provider_calls_by_age ON provider_calls (started_at);
CREATE INDEX provider_calls_by_subject ON provider_calls (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX provider_calls_by_customer ON provider_calls (customer_id, id)
WHERE customer_id IS NOT NULL;
