-- name: notice_insert
INSERT INTO notices (id, kind, severity, customer_id, text, details, key, resolved, count,
                     created_at, last_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9);

-- name: notice_by_id
SELECT id, kind, severity, customer_id, text, details, key, resolved, count, created_at, last_at
FROM notices WHERE id = $1;

-- name: notice_latest_of_key
SELECT id, kind, severity, customer_id, text, details, key, resolved, count, created_at, last_at
FROM notices WHERE key = $1 ORDER BY id DESC LIMIT 1;

-- name: notice_came_again
UPDATE notices SET count = count + 1, last_at = $2 WHERE id = $1;

-- name: notice_page
SELECT id, kind, severity, customer_id, text, details, key, resolved, count, created_at, last_at
FROM notices
WHERE id < $1 AND (CAST($3 AS TEXT) IS NULL OR customer_id = $3)
  AND (CAST($4 AS TEXT) IS NULL OR kind = $4)
ORDER BY id DESC LIMIT $2;

-- name: notices_due
-- What waits for a target's digest, oldest first.
SELECT n.id, n.kind, n.severity, n.customer_id, n.text, n.details, n.key, n.resolved, n.count,
       n.created_at, n.last_at
FROM deliveries d JOIN notices n ON n.id = d.notice_id
WHERE d.target = $1 AND d.state = 'waiting' AND d.due_at = $2
ORDER BY d.notice_id LIMIT $3;

-- name: delivery_insert
INSERT INTO deliveries (notice_id, target, state, due_at) VALUES ($1, $2, 'waiting', $3)
ON CONFLICT (notice_id, target) DO UPDATE SET state = 'waiting', due_at = excluded.due_at;

-- name: deliveries_of_notice
SELECT notice_id, target, state, due_at, sent_at, attempts, error FROM deliveries
WHERE notice_id = $1 ORDER BY target;

-- name: delivery_is_waiting
SELECT count(*) FROM deliveries WHERE notice_id = $1 AND target = $2 AND state = 'waiting';

-- name: delivery_end
UPDATE deliveries SET state = $3, sent_at = COALESCE($4, sent_at), attempts = attempts + 1,
                      error = $5
WHERE notice_id = $1 AND target = $2 AND state = 'waiting';

-- name: delivery_give_up
-- Of a digest: all that is in it.
UPDATE deliveries SET state = 'failed', error = $3
WHERE target = $1 AND state = 'waiting' AND due_at = $2;

-- name: deliveries_delete_old
DELETE FROM deliveries WHERE notice_id IN (
    SELECT id FROM notices WHERE created_at < $1 ORDER BY id LIMIT $2);

-- name: notices_delete_old
DELETE FROM notices WHERE id IN (
    SELECT id FROM notices WHERE created_at < $1 ORDER BY id LIMIT $2);
