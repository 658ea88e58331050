-- name: drain_figures
SELECT (SELECT count(*) FROM deployments WHERE host_id = $1) AS left,
       (SELECT count(*) FROM deployments d JOIN migrations m ON m.source_id = d.id
        WHERE d.host_id = $1 AND m.finished_at IS NULL) AS moving,
       (SELECT count(*) FROM deployments d JOIN migrations m ON m.source_id = d.id
        WHERE d.host_id = $1 AND m.state = 'failed') AS failed;

-- name: drain_hosts
SELECT count(*) FROM hosts WHERE status = 'draining' AND slots_used > 0;

-- name: drain_running
-- Moves within a mode are moves off a host.
SELECT count(*) FROM migrations
WHERE finished_at IS NULL AND from_mode = to_mode AND state <> 'soaking';

-- name: drain_next
-- Whose move failed after $2 waits; the others go by the age of their place.
SELECT d.customer_id AS id, h.name AS host
FROM hosts h JOIN deployments d ON d.host_id = h.id JOIN customers c ON c.id = d.customer_id
WHERE h.status = 'draining' AND d.status = 'active' AND d.is_current = 1 AND c.status = 'active'
  AND NOT EXISTS (SELECT 1 FROM migrations m WHERE m.customer_id = d.customer_id
                  AND (m.finished_at IS NULL OR (m.state IN ('failed', 'returned')
                       AND m.finished_at > $2)))
ORDER BY d.id LIMIT $1;

-- name: drain_abandoned
SELECT d.id, h.name AS host FROM hosts h JOIN deployments d ON d.host_id = h.id
WHERE h.status = 'draining' AND d.status = 'failed' ORDER BY d.id LIMIT $1;

-- name: drain_moves_of
SELECT m.id, h.name AS host
FROM hosts h JOIN deployments d ON d.host_id = h.id JOIN migrations m ON m.source_id = d.id
WHERE h.id = $1 AND m.finished_at IS NULL AND m.from_mode = m.to_mode ORDER BY m.id LIMIT $2;
