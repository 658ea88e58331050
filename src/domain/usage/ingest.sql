-- name: usage_customer_find
-- Who left is nobody's customer any more.
SELECT id FROM customers
WHERE (id = $1 OR slug = $1) AND status <> 'cancelled'
ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1;

-- name: usage_keys_insert
-- Gives those that were not there: a batch whose key is missing from the answer was counted before.
INSERT INTO usage_keys (created_at, token_id, key, request_hash, body)
/*pg
SELECT CAST($1 AS BIGINT), * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
*/
/*sqlite
SELECT CAST($1 AS BIGINT), c0, c1, c2, c3 FROM rows($2, $3, $4, $5) WHERE true
*/
ON CONFLICT (token_id, key) DO NOTHING
RETURNING token_id, key;

-- name: usage_key_find
SELECT token_id, key, request_hash, body FROM usage_keys WHERE token_id = $1 AND key = $2;

-- name: usage_key_reply
UPDATE usage_keys SET body = $3 WHERE token_id = $1 AND key = $2;

-- name: usage_keys_delete_old
DELETE FROM usage_keys WHERE (token_id, key) IN (
    SELECT token_id, key FROM usage_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2);

-- name: usage_event_ids_insert
-- Gives those that were not there.
INSERT INTO usage_event_ids (seen_at, customer_id, hash_high, hash_low)
/*pg
SELECT CAST($1 AS BIGINT), * FROM unnest($2::text[], $3::bigint[], $4::bigint[])
*/
/*sqlite
SELECT CAST($1 AS BIGINT), c0, c1, c2 FROM rows($2, $3, $4) WHERE true
*/
ON CONFLICT (customer_id, hash_high, hash_low) DO NOTHING
RETURNING customer_id, hash_high, hash_low;

-- name: usage_users_add
INSERT INTO usage_users (customer_id, hour, user_hash, windows)
/*pg
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
*/
/*sqlite
SELECT c0, c1, c2, c3 FROM rows($1, $2, $3, $4) WHERE true
*/
ON CONFLICT (customer_id, hour, user_hash) DO UPDATE
SET windows = usage_users.windows | excluded.windows;
