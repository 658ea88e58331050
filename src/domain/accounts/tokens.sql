-- name: token_insert
INSERT INTO tokens (id, name, role, sha256, created_at, customer_id)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: token_by_hash
SELECT id, name, role, customer_id, created_at, revoked_at FROM tokens
WHERE sha256 = $1 AND revoked_at IS NULL;

-- name: token_by_id
SELECT id, name, role, customer_id, created_at, revoked_at FROM tokens WHERE id = $1;

-- name: token_page
SELECT id, name, role, customer_id, created_at, revoked_at FROM tokens
WHERE id < $1 ORDER BY id DESC LIMIT $2;

-- name: token_mark_revoked
UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL;

-- name: token_mark_revoked_named
UPDATE tokens SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL;

-- name: token_count_working
SELECT count(*) FROM tokens WHERE revoked_at IS NULL;
