-- name: margins_page
-- The columns of facts_row.h.
SELECT customer_id, active, plan, price, budget, latency, vehicles_told, users_told, compliance,
       regions, mode, moved_at, vehicles, peak_users, regions_used
FROM customer_facts WHERE customer_id > $1 ORDER BY customer_id LIMIT $2;

-- name: margins_slug
SELECT slug FROM customers WHERE id = $1;
