-- name: session_insert
INSERT INTO sessions (sha256, token_id, created_at, expires_at) VALUES ($1, $2, $3, $4);

-- name: session_trim
-- All of a token's but the newest $2.
DELETE FROM sessions WHERE sha256 IN (
    SELECT sha256 FROM sessions WHERE token_id = $1
    ORDER BY created_at DESC, sha256 LIMIT 1000 OFFSET $2);

-- name: session_token
SELECT t.id, t.name, t.role, t.customer_id, t.created_at, t.revoked_at
FROM sessions s JOIN tokens t ON t.id = s.token_id
WHERE s.sha256 = $1 AND s.expires_at > $2 AND t.revoked_at IS NULL;

-- name: session_end
SELECT expires_at FROM sessions WHERE sha256 = $1;

-- name: session_delete
DELETE FROM sessions WHERE sha256 = $1;

-- name: sessions_delete_old
DELETE FROM sessions WHERE sha256 IN (
    SELECT sha256 FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2);
