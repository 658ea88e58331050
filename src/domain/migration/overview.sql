-- name: overview_deployments
-- One pair at a time: grouping all of them takes twice as long.
SELECT count(*) FROM deployments WHERE is_current = 1 AND mode = $1 AND status = $2;

-- name: overview_counts
-- What may be many is counted up to a thousand.
SELECT (SELECT count(*) FROM (SELECT 1 FROM offboardings WHERE finished_at IS NULL LIMIT 1000) a)
           AS leaving,
       (SELECT count(*) FROM (SELECT 1 FROM proposals WHERE state = 'pending' LIMIT 1000) b)
           AS proposals,
       (SELECT count(*) FROM (SELECT 1 FROM migrations WHERE finished_at IS NULL LIMIT 1000) c)
           AS moves_running,
       (SELECT count(*) FROM (SELECT 1 FROM migrations
            WHERE finished_at >= $1 AND state = 'failed' LIMIT 1000) d) AS moves_failed,
       (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE aside = 'discarded' LIMIT 1000) f)
           AS jobs_discarded,
       (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE aside = 'retryable' LIMIT 1000) g)
           AS jobs_retryable,
       (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'executing' LIMIT 1000) h)
           AS jobs_executing,
       (SELECT count(*) FROM queues WHERE paused = 1) AS queues_paused,
       (SELECT count(*) FROM (SELECT 1 FROM drift LIMIT 1000) i) AS drift,
       (SELECT count(*) FROM hosts WHERE status = 'failed') AS hosts_failed,
       (SELECT count(*) FROM hosts WHERE status IN ('creating', 'active', 'draining')) AS hosts,
       (SELECT CAST(coalesce(sum(capacity), 0) AS BIGINT) FROM hosts
        WHERE status IN ('creating', 'active')) AS slots,
       (SELECT CAST(coalesce(sum(slots_used), 0) AS BIGINT) FROM hosts
        WHERE status IN ('creating', 'active')) AS slots_used,
       (SELECT count(*) FROM (SELECT 1 FROM resources
            WHERE health IN ('critical', 'missing', 'failed') LIMIT 1000) j) AS machines_unwell;

-- name: overview_moves_since
SELECT state, to_mode, requested_by, reason, error, stall_us, created_at, finished_at
FROM migrations WHERE finished_at >= $1 ORDER BY finished_at DESC LIMIT $2;
