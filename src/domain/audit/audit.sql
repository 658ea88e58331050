-- name: audit_insert
INSERT INTO audit (id, at, actor, action, subject, details) VALUES ($1, $2, $3, $4, $5, $6);

-- name: audit_page
-- Ids begin with the time that they were made at, so a stretch of time is one of ids. The pages by
-- subject, actor and action differ in the index they go by only.
SELECT id, at, actor, action, subject, details, seq, hash FROM audit
WHERE id < $1 AND id >= $3 ORDER BY id DESC LIMIT $2;

-- name: audit_page_by_subject
SELECT id, at, actor, action, subject, details, seq, hash FROM audit
WHERE id < $1 AND id >= $3 AND subject = $4
  AND (CAST($5 AS TEXT) IS NULL OR actor = $5) AND (CAST($6 AS TEXT) IS NULL OR action = $6)
ORDER BY subject DESC, id DESC LIMIT $2;

-- name: audit_page_by_actor
SELECT id, at, actor, action, subject, details, seq, hash FROM audit
WHERE id < $1 AND id >= $3 AND actor = $4
  AND (CAST($5 AS TEXT) IS NULL OR action = $5)
ORDER BY actor DESC, id DESC LIMIT $2;

-- name: audit_page_by_action
SELECT id, at, actor, action, subject, details, seq, hash FROM audit
WHERE id < $1 AND id >= $3 AND action = $4
ORDER BY action DESC, id DESC LIMIT $2;

-- name: audit_latest_details
SELECT details FROM audit WHERE action = $1 ORDER BY action DESC, id DESC LIMIT 1;

-- name: audit_head_get
SELECT seq, hash, first_seq, first_hash, broken_seq, sealed_at, mac FROM audit_head WHERE one = 1;

-- name: audit_head_take
-- Who finds it taken need not wait: somebody seals just now.
SELECT seq, hash, first_seq, first_hash, broken_seq, sealed_at, mac FROM audit_head WHERE one = 1
/*pg FOR UPDATE SKIP LOCKED */;

-- name: audit_head_wait
SELECT seq, hash, first_seq, first_hash, broken_seq, sealed_at, mac FROM audit_head WHERE one = 1
/*pg FOR UPDATE */;

-- name: audit_head_put
UPDATE audit_head SET seq = $1, hash = $2, first_seq = $3, first_hash = $4, broken_seq = $5,
                      sealed_at = $6, mac = $7
WHERE one = 1;

-- name: audit_unsealed_any
SELECT 1 FROM audit WHERE seq IS NULL LIMIT 1;

-- name: audit_unsealed_count
SELECT count(*) FROM (SELECT 1 FROM audit WHERE seq IS NULL LIMIT $1) u;

-- name: audit_unsealed_page
SELECT id, at, actor, action, subject, details, seq, hash FROM audit
WHERE seq IS NULL ORDER BY id LIMIT $1;

-- name: audit_put_seals
UPDATE audit SET seq = r.c1, hash = r.c2
FROM /*pg unnest($1::text[], $2::bigint[], $3::text[]) AS r (c0, c1, c2) */
     /*sqlite rows($1, $2, $3) AS r */
WHERE audit.id = r.c0;

-- name: audit_chain
SELECT id, at, actor, action, subject, details, seq, hash FROM audit
WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3;

-- name: audit_sealed_from
-- Commits come in another order than ids: of those near the beginning the first in the chain.
SELECT min(s.seq) FROM (
    SELECT seq FROM audit WHERE id >= $1 AND seq IS NOT NULL ORDER BY id LIMIT $2) s;

-- name: audit_sealed_before
SELECT max(s.seq) FROM (
    SELECT seq FROM audit WHERE id < $1 AND seq IS NOT NULL ORDER BY id DESC LIMIT $2) s;

-- name: audit_delete_through
DELETE FROM audit WHERE seq <= $1;
