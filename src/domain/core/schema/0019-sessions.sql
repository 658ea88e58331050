-- People who signed in to the dashboard, and what it shows of a large fleet without counting it.

-- Known by the SHA-256 of what the cookie holds. A session is as good as its token, and no longer.
CREATE TABLE sessions (
    sha256 TEXT PRIMARY KEY,
    token_id TEXT NOT NULL REFERENCES tokens (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_token ON sessions (token_id, created_at);
CREATE INDEX sessions_by_age ON sessions (expires_at);

-- Search by the beginning of a name.
CREATE INDEX customers_by_name ON customers (lower(name));
