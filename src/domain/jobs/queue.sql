-- name: queue_settings_all
SELECT name, paused, node_limit FROM queues ORDER BY name LIMIT $1;

-- name: queue_set_paused
INSERT INTO queues (name, paused) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused;

-- name: queue_set_limit
INSERT INTO queues (name, paused, node_limit) VALUES ($1, 0, $2)
ON CONFLICT (name) DO UPDATE SET node_limit = excluded.node_limit;

-- name: queue_depth_of
-- Counts through the partial indexes, so the history's size does not matter.
SELECT (SELECT count(*) FROM jobs WHERE state = 'available' AND queue = $1) AS available,
       (SELECT count(*) FROM jobs WHERE aside = 'scheduled' AND queue = $1) AS scheduled,
       (SELECT count(*) FROM jobs WHERE state = 'executing' AND queue = $1) AS executing,
       (SELECT count(*) FROM jobs WHERE aside = 'retryable' AND queue = $1) AS retryable,
       (SELECT min(scheduled_at) FROM (
            SELECT scheduled_at FROM jobs WHERE state = 'available' AND queue = $1
            ORDER BY priority, id LIMIT 1000) AS oldest) AS oldest_at;
