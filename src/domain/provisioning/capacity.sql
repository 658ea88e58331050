-- name: capacity_counts
-- Of the hosts ordered for a location. A busy host's free slots are not to be had; a measurement
-- from before $3 does not count.
SELECT count(CASE WHEN status <> 'failed' THEN 1 END) AS hosts,
       CAST(COALESCE(sum(CASE WHEN status IN ('creating', 'active') THEN capacity END), 0)
            AS BIGINT) AS slots,
       CAST(COALESCE(sum(CASE WHEN status IN ('creating', 'active') THEN slots_used END), 0)
            AS BIGINT) AS slots_used,
       CAST(COALESCE(sum(CASE WHEN status IN ('creating', 'active')
                               AND (load IS NULL OR load < $2 OR load_at < $3)
                              THEN capacity - slots_used END), 0) AS BIGINT) AS free,
       CAST(COALESCE(sum(slots_used), 0) AS BIGINT) AS customers
FROM hosts
WHERE serves = $1 AND status IN ('creating', 'active', 'draining', 'failed', 'retiring');

-- name: capacity_failures
-- Orders that failed since one last went through, whatever became of their hosts.
SELECT count(*) AS failures, max(failed_at) AS last_at FROM hosts
WHERE serves = $1 AND failed_at IS NOT NULL
  AND failed_at > COALESCE((SELECT max(active_at) FROM hosts WHERE serves = $1), 0);
