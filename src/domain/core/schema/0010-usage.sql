-- Usage: what customers do, added up by customer and hour, later by day.
-- Every number can be added to (or be the larger of two), so a batch of events is one statement on
-- any node, whatever others write. l00..l31 count api calls by duration (usage/hours.h).

CREATE TABLE usage_hours (
    customer_id TEXT NOT NULL,
    hour BIGINT NOT NULL, -- hours since 1970
    events BIGINT NOT NULL,
    api_calls BIGINT NOT NULL,
    api_errors BIGINT NOT NULL, -- status 500 and above
    api_us BIGINT NOT NULL,     -- their durations, summed
    bytes BIGINT NOT NULL,      -- of requests and replies
    calls_us BIGINT NOT NULL,   -- api_calls by where the caller was
    calls_eu BIGINT NOT NULL,
    calls_apac BIGINT NOT NULL,
    gps_points BIGINT NOT NULL,
    realtime_ops BIGINT NOT NULL, -- gps_points events of one point
    batch_ops BIGINT NOT NULL,    -- gps_points events of several: uploads of what was collected
    sessions BIGINT NOT NULL,
    session_us BIGINT NOT NULL,
    vehicles_added BIGINT NOT NULL,
    vehicles_removed BIGINT NOT NULL,
    vehicles BIGINT NOT NULL,      -- the most that was counted; 0: nobody counted
    storage_bytes BIGINT NOT NULL, -- the most that was measured
    samples BIGINT NOT NULL,       -- resource samples, whose sums and maxima follow
    cpu_sum BIGINT NOT NULL,       -- 1/10000 of what there is
    cpu_max BIGINT NOT NULL,
    memory_sum BIGINT NOT NULL,
    memory_max BIGINT NOT NULL,
    disk_sum BIGINT NOT NULL,
    disk_max BIGINT NOT NULL,
    connections_sum BIGINT NOT NULL, -- to the database
    connections_max BIGINT NOT NULL,
    users BIGINT NOT NULL,      -- distinct, set when the hour is summed up
    peak_users BIGINT NOT NULL, -- active in the same five minutes, likewise
    l00 BIGINT NOT NULL, l01 BIGINT NOT NULL, l02 BIGINT NOT NULL, l03 BIGINT NOT NULL,
    l04 BIGINT NOT NULL, l05 BIGINT NOT NULL, l06 BIGINT NOT NULL, l07 BIGINT NOT NULL,
    l08 BIGINT NOT NULL, l09 BIGINT NOT NULL, l10 BIGINT NOT NULL, l11 BIGINT NOT NULL,
    l12 BIGINT NOT NULL, l13 BIGINT NOT NULL, l14 BIGINT NOT NULL, l15 BIGINT NOT NULL,
    l16 BIGINT NOT NULL, l17 BIGINT NOT NULL, l18 BIGINT NOT NULL, l19 BIGINT NOT NULL,
    l20 BIGINT NOT NULL, l21 BIGINT NOT NULL, l22 BIGINT NOT NULL, l23 BIGINT NOT NULL,
    l24 BIGINT NOT NULL, l25 BIGINT NOT NULL, l26 BIGINT NOT NULL, l27 BIGINT NOT NULL,
    l28 BIGINT NOT NULL, l29 BIGINT NOT NULL, l30 BIGINT NOT NULL, l31 BIGINT NOT NULL,
    PRIMARY KEY (customer_id, hour)
)/*sqlite WITHOUT ROWID*/;

CREATE INDEX usage_hours_by_hour ON usage_hours (hour);

CREATE TABLE usage_days (
    customer_id TEXT NOT NULL,
    day BIGINT NOT NULL, -- days since 1970
    events BIGINT NOT NULL,
    api_calls BIGINT NOT NULL,
    api_errors BIGINT NOT NULL, -- status 500 and above
    api_us BIGINT NOT NULL,     -- their durations, summed
    bytes BIGINT NOT NULL,      -- of requests and replies
    calls_us BIGINT NOT NULL,   -- api_calls by where the caller was
    calls_eu BIGINT NOT NULL,
    calls_apac BIGINT NOT NULL,
    gps_points BIGINT NOT NULL,
    realtime_ops BIGINT NOT NULL, -- gps_points events of one point
    batch_ops BIGINT NOT NULL,    -- gps_points events of several: uploads of what was collected
    sessions BIGINT NOT NULL,
    session_us BIGINT NOT NULL,
    vehicles_added BIGINT NOT NULL,
    vehicles_removed BIGINT NOT NULL,
    vehicles BIGINT NOT NULL,      -- the most that was counted; 0: nobody counted
    storage_bytes BIGINT NOT NULL, -- the most that was measured
    samples BIGINT NOT NULL,       -- resource samples, whose sums and maxima follow
    cpu_sum BIGINT NOT NULL,       -- 1/10000 of what there is
    cpu_max BIGINT NOT NULL,
    memory_sum BIGINT NOT NULL,
    memory_max BIGINT NOT NULL,
    disk_sum BIGINT NOT NULL,
    disk_max BIGINT NOT NULL,
    connections_sum BIGINT NOT NULL, -- to the database
    connections_max BIGINT NOT NULL,
    users BIGINT NOT NULL,      -- distinct, set when the hour is summed up
    peak_users BIGINT NOT NULL, -- active in the same five minutes, likewise
    l00 BIGINT NOT NULL, l01 BIGINT NOT NULL, l02 BIGINT NOT NULL, l03 BIGINT NOT NULL,
    l04 BIGINT NOT NULL, l05 BIGINT NOT NULL, l06 BIGINT NOT NULL, l07 BIGINT NOT NULL,
    l08 BIGINT NOT NULL, l09 BIGINT NOT NULL, l10 BIGINT NOT NULL, l11 BIGINT NOT NULL,
    l12 BIGINT NOT NULL, l13 BIGINT NOT NULL, l14 BIGINT NOT NULL, l15 BIGINT NOT NULL,
    l16 BIGINT NOT NULL, l17 BIGINT NOT NULL, l18 BIGINT NOT NULL, l19 BIGINT NOT NULL,
    l20 BIGINT NOT NULL, l21 BIGINT NOT NULL, l22 BIGINT NOT NULL, l23 BIGINT NOT NULL,
    l24 BIGINT NOT NULL, l25 BIGINT NOT NULL, l26 BIGINT NOT NULL, l27 BIGINT NOT NULL,
    l28 BIGINT NOT NULL, l29 BIGINT NOT NULL, l30 BIGINT NOT NULL, l31 BIGINT NOT NULL,
    PRIMARY KEY (customer_id, day)
)/*sqlite WITHOUT ROWID*/;

-- Who was active: bit n of `windows` is the n-th five minutes of the hour. Kept for two days.
CREATE TABLE usage_users (
    customer_id TEXT NOT NULL,
    hour BIGINT NOT NULL,
    user_hash BIGINT NOT NULL, -- keyed, so that nobody is named here
    windows BIGINT NOT NULL,
    PRIMARY KEY (customer_id, hour, user_hash)
)/*sqlite WITHOUT ROWID*/;

CREATE INDEX usage_users_by_hour ON usage_users (hour);

-- The events of batches that asked for deduplication by id; as long as late events are accepted.
CREATE TABLE usage_event_ids (
    customer_id TEXT NOT NULL,
    hash_high BIGINT NOT NULL, -- 128 bits of a keyed hash of source and id
    hash_low BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (customer_id, hash_high, hash_low)
)/*sqlite WITHOUT ROWID*/;

CREATE INDEX usage_event_ids_by_age ON usage_event_ids (seen_at);

-- What is known of each customer for deciding about its place, in numbers, one row each: the sweep
-- reads a million of them at a time (facts/facts.h).
CREATE TABLE customer_facts (
    customer_id TEXT PRIMARY KEY,
    -- Its contract and its own words; NULL where it said nothing.
    active BIGINT NOT NULL, -- 0: cancelled or leaving; the sweep passes it by
    plan BIGINT NOT NULL,   -- enum plan
    price BIGINT NOT NULL,  -- 1/10000 USD a month
    budget BIGINT,          -- 1/10000 USD a month
    latency BIGINT,         -- 1/10000 ms
    vehicles_told BIGINT,
    users_told BIGINT,
    compliance BIGINT,      -- bits; NULL: not asked
    regions BIGINT,         -- packed; NULL: not said
    -- Where it lives.
    mode BIGINT,            -- enum mode; NULL: nowhere yet
    mode_since BIGINT,      -- active there since, microseconds
    moved_at BIGINT,        -- end of its last move between modes
    -- Measured: the 24 hours before measured_at; NULL where nothing was.
    measured_at BIGINT,
    vehicles BIGINT,
    gps_points BIGINT,
    api_calls BIGINT,
    storage_bytes BIGINT,
    users BIGINT,
    peak_users BIGINT,
    response_us BIGINT,     -- average
    p95_us BIGINT,
    p99_us BIGINT,
    error_rate BIGINT,      -- 1/10000
    cpu BIGINT,             -- 1/10000, average
    growth BIGINT,          -- 1/10000, api calls and points of 30 days by those of the 30 before
    regions_used BIGINT,    -- packed, by share; NULL: no calls
    -- What the last sweep made of it.
    swept_at BIGINT,
    recommended BIGINT,     -- enum mode
    confidence BIGINT,
    repeats BIGINT NOT NULL, -- sweeps in a row that recommended this other mode
    outcome BIGINT           -- enum sweep_outcome
)/*sqlite WITHOUT ROWID*/;
