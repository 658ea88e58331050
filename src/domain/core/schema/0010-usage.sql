-- Usage: what customers do, added up by customer and hour, later by day.
-- Every number can be added to (or be the larger of two), so a batch of events is one statement on
-- any node, whatever others write. l00..l31 count api calls by duration (usage/hours.h).
--
-- Points may come as events and lie in the customer's database too. They are counted apart and the
-- larger count is the hour's: a day's gps_points are the sum of those.

CREATE TABLE usage_hours (
    customer_id TEXT NOT NULL,
    hour BIGINT NOT NULL, -- hours since 1970
    events BIGINT NOT NULL DEFAULT 0,
    api_calls BIGINT NOT NULL DEFAULT 0,
    api_errors BIGINT NOT NULL DEFAULT 0, -- status 500 and above
    api_us BIGINT NOT NULL DEFAULT 0,     -- their durations, summed
    bytes BIGINT NOT NULL DEFAULT 0,      -- of requests and replies
    calls_us BIGINT NOT NULL DEFAULT 0,   -- api_calls by where the caller was
    calls_eu BIGINT NOT NULL DEFAULT 0,
    calls_apac BIGINT NOT NULL DEFAULT 0,
    gps_points BIGINT NOT NULL DEFAULT 0,
    realtime_ops BIGINT NOT NULL DEFAULT 0, -- gps_points events of one point
    batch_ops BIGINT NOT NULL DEFAULT 0,    -- gps_points events of several
    gps_collected BIGINT NOT NULL DEFAULT 0, -- points found in the customer's database
    sessions BIGINT NOT NULL DEFAULT 0,
    session_us BIGINT NOT NULL DEFAULT 0,
    vehicles_added BIGINT NOT NULL DEFAULT 0,
    vehicles_removed BIGINT NOT NULL DEFAULT 0,
    collections BIGINT NOT NULL DEFAULT 0,   -- looks into the customer's database
    vehicles BIGINT NOT NULL DEFAULT 0,      -- the most that was counted
    storage_bytes BIGINT NOT NULL DEFAULT 0, -- the most that was measured
    samples BIGINT NOT NULL DEFAULT 0,       -- resource samples, whose sums and maxima follow
    cpu_sum BIGINT NOT NULL DEFAULT 0,       -- 1/10000 of what there is
    cpu_max BIGINT NOT NULL DEFAULT 0,
    memory_sum BIGINT NOT NULL DEFAULT 0,
    memory_max BIGINT NOT NULL DEFAULT 0,
    disk_sum BIGINT NOT NULL DEFAULT 0,
    disk_max BIGINT NOT NULL DEFAULT 0,
    connections_sum BIGINT NOT NULL DEFAULT 0, -- to the database
    connections_max BIGINT NOT NULL DEFAULT 0,
    users BIGINT NOT NULL DEFAULT 0,      -- distinct, set when the hour is summed up
    peak_users BIGINT NOT NULL DEFAULT 0, -- active in the same five minutes, likewise
    l00 BIGINT NOT NULL DEFAULT 0, l01 BIGINT NOT NULL DEFAULT 0, l02 BIGINT NOT NULL DEFAULT 0,
    l03 BIGINT NOT NULL DEFAULT 0, l04 BIGINT NOT NULL DEFAULT 0, l05 BIGINT NOT NULL DEFAULT 0,
    l06 BIGINT NOT NULL DEFAULT 0, l07 BIGINT NOT NULL DEFAULT 0, l08 BIGINT NOT NULL DEFAULT 0,
    l09 BIGINT NOT NULL DEFAULT 0, l10 BIGINT NOT NULL DEFAULT 0, l11 BIGINT NOT NULL DEFAULT 0,
    l12 BIGINT NOT NULL DEFAULT 0, l13 BIGINT NOT NULL DEFAULT 0, l14 BIGINT NOT NULL DEFAULT 0,
    l15 BIGINT NOT NULL DEFAULT 0, l16 BIGINT NOT NULL DEFAULT 0, l17 BIGINT NOT NULL DEFAULT 0,
    l18 BIGINT NOT NULL DEFAULT 0, l19 BIGINT NOT NULL DEFAULT 0, l20 BIGINT NOT NULL DEFAULT 0,
    l21 BIGINT NOT NULL DEFAULT 0, l22 BIGINT NOT NULL DEFAULT 0, l23 BIGINT NOT NULL DEFAULT 0,
    l24 BIGINT NOT NULL DEFAULT 0, l25 BIGINT NOT NULL DEFAULT 0, l26 BIGINT NOT NULL DEFAULT 0,
    l27 BIGINT NOT NULL DEFAULT 0, l28 BIGINT NOT NULL DEFAULT 0, l29 BIGINT NOT NULL DEFAULT 0,
    l30 BIGINT NOT NULL DEFAULT 0, l31 BIGINT NOT NULL DEFAULT 0,
    changed_at BIGINT NOT NULL DEFAULT 0, -- when it was added to last, microseconds
    PRIMARY KEY (customer_id, hour)
)/*sqlite WITHOUT ROWID*/;

CREATE INDEX usage_hours_by_hour ON usage_hours (hour);

-- What is older, and before that already the day's distinct users.
CREATE TABLE usage_days (
    customer_id TEXT NOT NULL,
    day BIGINT NOT NULL, -- days since 1970
    events BIGINT NOT NULL DEFAULT 0,
    api_calls BIGINT NOT NULL DEFAULT 0,
    api_errors BIGINT NOT NULL DEFAULT 0, -- status 500 and above
    api_us BIGINT NOT NULL DEFAULT 0,     -- their durations, summed
    bytes BIGINT NOT NULL DEFAULT 0,      -- of requests and replies
    calls_us BIGINT NOT NULL DEFAULT 0,   -- api_calls by where the caller was
    calls_eu BIGINT NOT NULL DEFAULT 0,
    calls_apac BIGINT NOT NULL DEFAULT 0,
    gps_points BIGINT NOT NULL DEFAULT 0,
    realtime_ops BIGINT NOT NULL DEFAULT 0, -- gps_points events of one point
    batch_ops BIGINT NOT NULL DEFAULT 0,    -- gps_points events of several
    sessions BIGINT NOT NULL DEFAULT 0,
    session_us BIGINT NOT NULL DEFAULT 0,
    vehicles_added BIGINT NOT NULL DEFAULT 0,
    vehicles_removed BIGINT NOT NULL DEFAULT 0,
    collections BIGINT NOT NULL DEFAULT 0,   -- looks into the customer's database
    vehicles BIGINT NOT NULL DEFAULT 0,      -- the most that was counted
    storage_bytes BIGINT NOT NULL DEFAULT 0, -- the most that was measured
    samples BIGINT NOT NULL DEFAULT 0,       -- resource samples, whose sums and maxima follow
    cpu_sum BIGINT NOT NULL DEFAULT 0,       -- 1/10000 of what there is
    cpu_max BIGINT NOT NULL DEFAULT 0,
    memory_sum BIGINT NOT NULL DEFAULT 0,
    memory_max BIGINT NOT NULL DEFAULT 0,
    disk_sum BIGINT NOT NULL DEFAULT 0,
    disk_max BIGINT NOT NULL DEFAULT 0,
    connections_sum BIGINT NOT NULL DEFAULT 0, -- to the database
    connections_max BIGINT NOT NULL DEFAULT 0,
    users BIGINT NOT NULL DEFAULT 0,      -- distinct, set while usage_users has them
    peak_users BIGINT NOT NULL DEFAULT 0, -- active in the same five minutes, likewise
    l00 BIGINT NOT NULL DEFAULT 0, l01 BIGINT NOT NULL DEFAULT 0, l02 BIGINT NOT NULL DEFAULT 0,
    l03 BIGINT NOT NULL DEFAULT 0, l04 BIGINT NOT NULL DEFAULT 0, l05 BIGINT NOT NULL DEFAULT 0,
    l06 BIGINT NOT NULL DEFAULT 0, l07 BIGINT NOT NULL DEFAULT 0, l08 BIGINT NOT NULL DEFAULT 0,
    l09 BIGINT NOT NULL DEFAULT 0, l10 BIGINT NOT NULL DEFAULT 0, l11 BIGINT NOT NULL DEFAULT 0,
    l12 BIGINT NOT NULL DEFAULT 0, l13 BIGINT NOT NULL DEFAULT 0, l14 BIGINT NOT NULL DEFAULT 0,
    l15 BIGINT NOT NULL DEFAULT 0, l16 BIGINT NOT NULL DEFAULT 0, l17 BIGINT NOT NULL DEFAULT 0,
    l18 BIGINT NOT NULL DEFAULT 0, l19 BIGINT NOT NULL DEFAULT 0, l20 BIGINT NOT NULL DEFAULT 0,
    l21 BIGINT NOT NULL DEFAULT 0, l22 BIGINT NOT NULL DEFAULT 0, l23 BIGINT NOT NULL DEFAULT 0,
    l24 BIGINT NOT NULL DEFAULT 0, l25 BIGINT NOT NULL DEFAULT 0, l26 BIGINT NOT NULL DEFAULT 0,
    l27 BIGINT NOT NULL DEFAULT 0, l28 BIGINT NOT NULL DEFAULT 0, l29 BIGINT NOT NULL DEFAULT 0,
    l30 BIGINT NOT NULL DEFAULT 0, l31 BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (customer_id, day)
)/*sqlite WITHOUT ROWID*/;

CREATE INDEX usage_days_by_day ON usage_days (day);

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

-- How far a worker that goes through everything has come: the next run goes on from there.
CREATE TABLE usage_positions (
    name TEXT PRIMARY KEY,
    position TEXT NOT NULL
);

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
    growth BIGINT,          -- 1/10000, of calls and points, 30 days against the 30 before
    regions_used BIGINT     -- packed, by share; NULL: no calls
)/*sqlite WITHOUT ROWID*/;

-- Those who are customers already: what they told is in their profile's JSON.
INSERT INTO customer_facts (customer_id, active, plan, price, budget, latency, vehicles_told,
                            users_told, compliance, regions, mode, mode_since, moved_at)
SELECT c.id, CASE c.status WHEN 'active' THEN 1 ELSE 0 END, p.rank, p.price,
    /*sqlite
    CAST(round(json_extract(c.profile, '$.budget') * 10000) AS INTEGER),
    CAST(round(json_extract(c.profile, '$.performance_needs.latency_requirement') * 10000)
         AS INTEGER),
    json_extract(c.profile, '$.vehicle_count'),
    json_extract(c.profile, '$.usage_patterns.peak_concurrent_users'),
    CASE WHEN json_type(c.profile, '$.compliance_requirements') = 'array' THEN (
        SELECT coalesce(sum(1 << b.bit), 0)
        FROM json_each(c.profile, '$.compliance_requirements') w
    */
    /*pg
    CAST(round((c.profile::json ->> 'budget')::numeric * 10000) AS BIGINT),
    CAST(round((c.profile::json #>> '{performance_needs,latency_requirement}')::numeric * 10000)
         AS BIGINT),
    (c.profile::json ->> 'vehicle_count')::bigint,
    (c.profile::json #>> '{usage_patterns,peak_concurrent_users}')::bigint,
    CASE WHEN c.profile::json ->> 'compliance_requirements' IS NOT NULL THEN (
        SELECT coalesce(sum(1 << b.bit), 0)
        FROM json_array_elements_text(c.profile::json -> 'compliance_requirements') w (value)
    */
        JOIN (SELECT 'soc2' AS word, 0 AS bit UNION ALL SELECT 'hipaa', 1
              UNION ALL SELECT 'gdpr', 2 UNION ALL SELECT 'pci', 3
              UNION ALL SELECT 'iso27001', 4 UNION ALL SELECT 'fedramp', 5
              UNION ALL SELECT 'hitrust', 6 UNION ALL SELECT 'ccpa', 7
              UNION ALL SELECT 'glba', 8 UNION ALL SELECT 'sox', 9
              UNION ALL SELECT 'ferpa', 10 UNION ALL SELECT 'cjis', 11
              UNION ALL SELECT 'itar', 12 UNION ALL SELECT 'cmmc', 13
              UNION ALL SELECT 'tisax', 14 UNION ALL SELECT 'csa_star', 15) b
          ON b.word = w.value) END,
    /*sqlite
    CASE WHEN json_type(c.profile, '$.geographic_distribution') = 'array' THEN (
        SELECT coalesce(sum(CASE w.value WHEN 'US' THEN 1 WHEN 'EU' THEN 2 ELSE 3 END
                            << (4 * w.key)), 0)
        FROM json_each(c.profile, '$.geographic_distribution') w) END,
    */
    /*pg
    CASE WHEN c.profile::json ->> 'geographic_distribution' IS NOT NULL THEN (
        SELECT coalesce(sum(CASE w.value WHEN 'US' THEN 1 WHEN 'EU' THEN 2 ELSE 3 END
                            << (4 * (w.nr - 1)::int)), 0)
        FROM json_array_elements_text(c.profile::json -> 'geographic_distribution')
             WITH ORDINALITY w (value, nr)) END,
    */
    CASE WHEN d.active_at IS NULL THEN NULL WHEN d.mode = 'multi_tenant' THEN 0 ELSE 1 END,
    d.active_at,
    (SELECT max(m.finished_at) FROM migrations m
     WHERE m.customer_id = c.id AND m.state = 'completed' AND m.from_mode <> m.to_mode)
FROM customers c
JOIN subscriptions s ON s.id = (SELECT n.id FROM subscriptions n WHERE n.customer_id = c.id
                                ORDER BY n.id DESC LIMIT 1)
JOIN plans p ON p.slug = s.plan
LEFT JOIN deployments d ON d.customer_id = c.id AND d.is_current = 1;
