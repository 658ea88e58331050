-- name: offboarding_insert
INSERT INTO offboardings (id, customer_id, slug, state, mode, plan, reason, comment, requested_by,
                          retention_days, wants_export, run, created_at)
VALUES ($1, $2, $3, 'requested', $4, $5, $6, $7, $8, $9, $10, 0, $11);

-- name: offboarding_by_id
SELECT id, customer_id, slug, state, mode, plan, reason, comment, requested_by, retention_days,
       wants_export, run, retain_until, error, created_at, finished_at
FROM offboardings WHERE id = $1;

-- name: offboarding_latest_of
SELECT id, customer_id, slug, state, mode, plan, reason, comment, requested_by, retention_days,
       wants_export, run, retain_until, error, created_at, finished_at
FROM offboardings WHERE customer_id = $1 ORDER BY id DESC LIMIT 1;

-- name: offboarding_due
-- finished_at says over; the partial index has the others.
SELECT id, customer_id, slug, state, mode, plan, reason, comment, requested_by, retention_days,
       wants_export, run, retain_until, error, created_at, finished_at
FROM offboardings
WHERE finished_at IS NULL AND customer_id > $1 AND (state <> 'retaining' OR retain_until <= $2)
ORDER BY customer_id LIMIT $3;

-- name: offboarding_take_run
-- Moves and offboardings of a customer share one series: the tenant's fence goes by it.
UPDATE offboardings
SET run = 1 + (SELECT max(r.run) FROM (
    SELECT m.run FROM migrations m WHERE m.customer_id = offboardings.customer_id
    UNION ALL
    SELECT o.run FROM offboardings o WHERE o.customer_id = offboardings.customer_id) r)
WHERE id = $1;

-- name: offboarding_change_state
UPDATE offboardings
SET state = $4, retain_until = COALESCE(retain_until, $5), finished_at = $6, error = NULL
WHERE id = $1 AND state = $2 AND run = $3;

-- name: offboarding_keep_error
UPDATE offboardings SET error = $2 WHERE id = $1 AND finished_at IS NULL;

-- name: offboarding_setup_running
SELECT id FROM jobs
WHERE customer_id = $1 AND queue = 'provisioning'
  AND state IN ('available', 'scheduled', 'executing', 'retryable')
ORDER BY id DESC LIMIT 1;

-- name: offboarding_deployments_of
SELECT d.id, d.customer_id, c.slug AS customer_slug, c.name AS customer_name, d.mode, d.plan,
       d.status, d.is_current, d.regions, d.host_id, d.app, d.database_url, d.error, d.created_at,
       d.active_at, d.retired_at
FROM deployments d JOIN customers c ON c.id = d.customer_id
WHERE d.customer_id = $1 AND d.status <> 'retired'
ORDER BY d.id LIMIT 1000;

-- name: offboarding_count_left
SELECT (SELECT count(*) FROM deployments d WHERE d.customer_id = $1 AND d.host_id IS NOT NULL) +
       (SELECT count(*) FROM deployments d JOIN resources r ON r.deployment_id = d.id
        WHERE d.customer_id = $1 AND r.status <> 'deleted');

-- name: offboarding_mark_retiring
UPDATE deployments SET status = 'retiring' WHERE customer_id = $1 AND status <> 'retired';

-- name: subscription_resume
UPDATE subscriptions SET ended_at = NULL
WHERE id = (SELECT s.id FROM subscriptions s WHERE s.customer_id = $1 ORDER BY s.id DESC LIMIT 1);

-- name: customer_set_status
UPDATE customers SET status = $2 WHERE id = $1;

-- name: customer_free_slug
UPDATE customers SET slug = slug || '~' || id WHERE id = $1;
