-- name: demo_backdate_customer
UPDATE customers SET created_at = $2 WHERE id = $1;

-- name: demo_backdate_decisions
UPDATE decisions SET made_at = $2 WHERE customer_id = $1;

-- name: demo_backdate_subscriptions
UPDATE subscriptions SET started_at = $2 WHERE customer_id = $1;
