-- name: example_recorded
SELECT hour FROM usage_hours WHERE customer_id = $1 AND api_calls > 0 LIMIT 1;
