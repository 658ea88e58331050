-- name: fleet_page
-- The columns of facts_row.h, then what else is shown of those who stand out.
SELECT customer_id, active, plan, price, budget, latency, vehicles_told, users_told, compliance,
       regions, mode, moved_at, vehicles, peak_users, regions_used, cpu, api_calls, response_us
FROM customer_facts WHERE customer_id > $1 ORDER BY customer_id LIMIT $2;

-- name: fleet_day_put
INSERT INTO fleet_days (day, mode, customers, revenue, cost) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (day, mode) DO UPDATE
SET customers = excluded.customers, revenue = excluded.revenue, cost = excluded.cost;

-- name: fleet_days_since
SELECT day, mode, customers, revenue, cost FROM fleet_days WHERE day >= $1 ORDER BY day, mode;

-- name: fleet_day_first
SELECT min(day) FROM fleet_days;

-- name: fleet_tops_clear
DELETE FROM fleet_tops;

-- name: fleet_top_put
INSERT INTO fleet_tops (kind, place, customer_id, mode, plan, price, cost, cpu, api_calls,
                        response_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: fleet_tops_all
SELECT t.kind, t.customer_id, c.slug, c.name, t.mode, t.plan, t.price, t.cost,
       t.price - t.cost AS margin, t.cpu, t.api_calls, t.response_us
FROM fleet_tops t JOIN customers c ON c.id = t.customer_id ORDER BY t.kind, t.place;

-- name: fleet_days_delete_old
DELETE FROM fleet_days WHERE day IN (
    SELECT day FROM fleet_days WHERE day < $1 ORDER BY day LIMIT $2);
