-- name: sweep_page
-- Facts with the verdict before, in the order of the key.
SELECT f.customer_id, f.active, f.plan, f.price, f.budget, f.latency, f.vehicles_told,
       f.users_told, f.compliance, f.regions, f.mode, f.moved_at, f.vehicles, f.peak_users,
       f.regions_used, v.outcome, v.recommended, v.confidence, v.margin, v.saving, v.repeats,
       v.required
FROM customer_facts f LEFT JOIN verdicts v ON v.customer_id = f.customer_id
WHERE f.customer_id > $1 ORDER BY f.customer_id LIMIT $2;

-- name: sweep_standings
-- Numbers as in enum standing_kind; of several about one customer the largest comes first.
SELECT s.customer_id, s.kind, s.mode, s.at FROM (
    SELECT customer_id, 4 AS kind, CAST(NULL AS TEXT) AS mode, created_at AS at
    FROM migrations WHERE finished_at IS NULL
    UNION ALL
    SELECT customer_id, 3, NULL, inserted_at FROM jobs
    WHERE live_key >= 'evaluate:' AND live_key < 'evaluate;'
    UNION ALL
    SELECT customer_id, 2, to_mode, expires_at FROM proposals WHERE state = 'pending'
    UNION ALL
    SELECT customer_id, 1, to_mode, decided_at FROM proposals
    WHERE state = 'rejected' AND decided_at > $1) s
ORDER BY s.customer_id, s.kind DESC;

-- name: standing_of
SELECT s.kind, s.mode, s.at FROM (
    SELECT 4 AS kind, CAST(NULL AS TEXT) AS mode, created_at AS at
    FROM migrations WHERE customer_id = $1 AND finished_at IS NULL
    UNION ALL
    SELECT 3, NULL, inserted_at FROM jobs WHERE live_key = 'evaluate:' || $1
    UNION ALL
    SELECT 2, to_mode, expires_at FROM proposals WHERE customer_id = $1 AND state = 'pending'
    UNION ALL
    SELECT 1, to_mode, decided_at FROM proposals
    WHERE customer_id = $1 AND state = 'rejected' AND decided_at > $2) s
WHERE s.kind <> $3 ORDER BY s.kind DESC LIMIT 1;

-- name: verdict_of
SELECT outcome, recommended, confidence, margin, saving, repeats, required, since
FROM verdicts WHERE customer_id = $1;

-- name: verdicts_put
INSERT INTO verdicts (customer_id, outcome, recommended, confidence, margin, saving, repeats,
                      required, since, wanted_since)
SELECT r.c0, r.c1, r.c2, r.c3, r.c4, r.c5, r.c6, r.c7, CAST($1 AS BIGINT),
       CASE WHEN r.c6 > 0 THEN CAST($1 AS BIGINT) END
FROM /*pg unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                 $7::bigint[], $8::bigint[], $9::bigint[])
              AS r (c0, c1, c2, c3, c4, c5, c6, c7) */
     /*sqlite rows($2, $3, $4, $5, $6, $7, $8, $9) AS r */
WHERE true
ON CONFLICT (customer_id) DO UPDATE
SET outcome = excluded.outcome, recommended = excluded.recommended,
    confidence = excluded.confidence, margin = excluded.margin, saving = excluded.saving,
    repeats = excluded.repeats, required = excluded.required, since = excluded.since,
    wanted_since = CASE WHEN excluded.repeats > 0 AND verdicts.repeats > 0
                             AND verdicts.recommended = excluded.recommended
                        THEN verdicts.wanted_since ELSE excluded.wanted_since END;

-- name: sweep_insert
INSERT INTO sweeps (id, requested_by, policy, policy_sha256, started_at)
VALUES ($1, $2, $3, $4, $5);

-- name: sweep_interrupt_others
-- Whoever holds the lease is the only one who sweeps.
UPDATE sweeps SET finished_at = $1, error = 'interrupted' WHERE finished_at IS NULL;

-- name: sweep_finish
UPDATE sweeps SET finished_at = $2, took_us = $3, customers = $4, decided = $5, changed = $6,
                  due = $7, outcomes = $8, error = $9
WHERE id = $1 AND finished_at IS NULL;

-- name: sweep_page_of
SELECT id, requested_by, policy, policy_sha256, started_at, finished_at, took_us, customers,
       decided, changed, due, outcomes, error
FROM sweeps WHERE id < $1 ORDER BY id DESC LIMIT $2;

-- name: sweep_delete_old
DELETE FROM sweeps
WHERE id IN (SELECT id FROM sweeps WHERE started_at < $1 ORDER BY started_at LIMIT $2);
