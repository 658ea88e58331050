-- name: subscription_insert
INSERT INTO subscriptions (id, customer_id, plan, started_at) VALUES ($1, $2, $3, $4);

-- name: subscription_set_end
UPDATE subscriptions SET ended_at = $2 WHERE customer_id = $1 AND ended_at IS NULL;
