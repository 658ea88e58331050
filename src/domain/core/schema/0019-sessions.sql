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

-- How the fleet was on each day, and now the day's newest look (usage/fleet.h).
CREATE TABLE fleet_days (
    day BIGINT NOT NULL, -- days since 1970
    mode TEXT NOT NULL,
    customers BIGINT NOT NULL,
    revenue BIGINT NOT NULL, -- 1/10000 USD a month
    cost BIGINT NOT NULL,    -- likewise
    PRIMARY KEY (day, mode)
);

-- The customers that stand out, of the newest look.
CREATE TABLE fleet_tops (
    kind TEXT NOT NULL,
    place BIGINT NOT NULL, -- 0 is the first
    customer_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    plan TEXT NOT NULL,
    price BIGINT NOT NULL, -- 1/10000 USD a month
    cost BIGINT NOT NULL,  -- likewise
    cpu BIGINT,            -- 1/10000 of its machine
    api_calls BIGINT,      -- of a day
    response_us BIGINT,
    PRIMARY KEY (kind, place)
);

-- What the overview counts and lists, however many customers there are.
-- SQLite reads an index alone only when that has every column, also one that its WHERE fixes.
CREATE INDEX deployments_by_place ON deployments (mode, status, is_current) WHERE is_current = 1;
CREATE INDEX migrations_by_end ON migrations (finished_at) WHERE finished_at IS NOT NULL;
