-- name: idempotency_find
SELECT request_sha256, status, body FROM idempotency_keys WHERE token_id = $1 AND key = $2;

-- name: idempotency_insert
INSERT INTO idempotency_keys (token_id, key, request_sha256, status, body, created_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: idempotency_prune
DELETE FROM idempotency_keys WHERE created_at < $1;
