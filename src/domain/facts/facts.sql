-- name: facts_put_told
INSERT INTO customer_facts (customer_id, active, plan, price, budget, latency, vehicles_told,
                            users_told, compliance, regions)
VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (customer_id) DO UPDATE
SET plan = excluded.plan, price = excluded.price, budget = excluded.budget,
    latency = excluded.latency, vehicles_told = excluded.vehicles_told,
    users_told = excluded.users_told, compliance = excluded.compliance,
    regions = excluded.regions;

-- name: facts_put_active
UPDATE customer_facts SET active = $2 WHERE customer_id = $1;

-- name: facts_put_place
UPDATE customer_facts SET mode = $2, mode_since = $3, moved_at = COALESCE($4, moved_at)
WHERE customer_id = $1;

-- name: facts_of
SELECT customer_id, active, plan, price, budget, latency, vehicles_told, users_told, compliance,
       regions, mode, mode_since, moved_at, measured_at, vehicles, gps_points, api_calls,
       storage_bytes, users, peak_users, response_us, p95_us, p99_us, error_rate, cpu, growth,
       regions_used
FROM customer_facts WHERE customer_id = $1;
