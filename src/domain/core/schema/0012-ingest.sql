-- Tokens that only send usage, perhaps of one customer, and the batches that were counted.

ALTER TABLE tokens ADD COLUMN customer_id TEXT; -- NULL: any

-- Apart from idempotency_keys: there are many more of these, and they are kept for a shorter time.
CREATE TABLE usage_keys (
    token_id TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    body TEXT NOT NULL, -- of the reply
    created_at BIGINT NOT NULL,
    PRIMARY KEY (token_id, key)
)/*sqlite WITHOUT ROWID*/;

CREATE INDEX usage_keys_by_age ON usage_keys (created_at);
