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
