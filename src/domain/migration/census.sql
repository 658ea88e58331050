-- name: census_hosts
SELECT 'host' AS kind, status, count(*) AS count FROM hosts
WHERE status IN ('creating', 'active', 'draining', 'failed', 'retiring')
GROUP BY status ORDER BY status;

-- name: census_slots
SELECT serves AS location, CAST(sum(capacity) AS BIGINT) AS capacity,
       CAST(sum(slots_used) AS BIGINT) AS used
FROM hosts WHERE status IN ('creating', 'active') GROUP BY serves ORDER BY serves;

-- name: census_moves
SELECT to_mode AS kind, state AS status, count(*) AS count FROM migrations
GROUP BY to_mode, state ORDER BY to_mode, state;

-- name: census_completed
SELECT stall_us, switched_at - created_at AS took_us FROM migrations
WHERE state = 'completed' AND stall_us IS NOT NULL;

-- name: census_proposals
SELECT count(*) AS proposals, min(created_at) AS proposal_oldest_at FROM proposals
WHERE state = 'pending';

-- name: census_sweep
SELECT finished_at AS swept_at, took_us AS sweep_took_us, customers AS swept, due, outcomes
FROM sweeps WHERE finished_at IS NOT NULL AND error IS NULL ORDER BY id DESC LIMIT 1;

-- name: census_money
SELECT mode, revenue, cost FROM fleet_days
WHERE day = (SELECT max(day) FROM fleet_days) ORDER BY mode;
