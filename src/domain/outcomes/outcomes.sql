-- name: outcomes_living_now
SELECT CASE mode WHEN 0 THEN 'multi_tenant' ELSE 'single_tenant' END, count(*)
FROM customer_facts WHERE active = 1 AND mode IS NOT NULL GROUP BY mode;

-- name: outcomes_signups
-- Many, so without GROUP BY, which would sort them: a third of the time.
SELECT m.mode, CASE m.mode WHEN 'single_tenant' THEN s.dedicated ELSE s.signups - s.dedicated END
FROM (SELECT count(*) AS signups, count(CASE WHEN mode = 'single_tenant' THEN 1 END) AS dedicated
      FROM decisions WHERE trigger = 'signup' AND made_at >= $1 AND made_at < $2) s
CROSS JOIN (SELECT 'multi_tenant' AS mode UNION ALL SELECT 'single_tenant') m;

-- name: outcomes_answers
-- Proposals that a person answered.
SELECT to_mode, count(*) FROM proposals
WHERE decided_at >= $1 AND decided_at < $2 AND state IN ('approved', 'rejected')
GROUP BY to_mode;

-- name: outcomes_rejections
SELECT to_mode, count(*) FROM proposals
WHERE decided_at >= $1 AND decided_at < $2 AND state = 'rejected' GROUP BY to_mode;

-- name: outcomes_moves
-- Moves between modes that reached, or were on their way to, their target: each customer's in turn,
-- and when that came to us. Customers are found by their keys alone: statistics of tables that have
-- grown since talk a planner into worse.
SELECT m.customer_id, m.from_mode, m.to_mode, m.state, m.created_at, m.requested_by, m.proposal_id,
       c.created_at
FROM (SELECT id, customer_id, from_mode, to_mode, state, created_at, requested_by, proposal_id
      FROM migrations
      WHERE created_at >= $1 AND created_at < $2 AND from_mode <> to_mode
        AND state NOT IN ('failing', 'failed', 'cancelling', 'cancelled')
      ORDER BY created_at DESC LIMIT $3) m
JOIN customers c ON c.id = m.customer_id
ORDER BY m.customer_id, m.created_at, m.id;

-- name: outcomes_scores
-- By the weeks of $4 that begin at $3.
SELECT (created_at - $3) / $4, mode, score, count(*) FROM feedback
WHERE created_at >= $1 AND created_at < $2
GROUP BY (created_at - $3) / $4, mode, score ORDER BY (created_at - $3) / $4;

-- name: outcomes_rated_decisions
-- Decisions by whether the average of their scores is satisfied ($3) or better.
SELECT r.mode, count(*), sum(CASE WHEN r.total >= $3 * r.answers THEN 1 ELSE 0 END)
FROM (SELECT mode, decision_id, count(*) AS answers, CAST(sum(score) AS BIGINT) AS total
      FROM feedback WHERE created_at >= $1 AND created_at < $2 AND decision_id IS NOT NULL
      GROUP BY mode, decision_id) r
GROUP BY r.mode;

-- name: outcomes_leavers
SELECT mode, count(*) FROM offboardings
WHERE created_at >= $1 AND created_at < $2 AND state NOT IN ('cancelling', 'cancelled')
GROUP BY mode;

-- name: outcomes_reasons
SELECT reason, mode, count(*) FROM offboardings
WHERE created_at >= $1 AND created_at < $2 AND state NOT IN ('cancelling', 'cancelled')
GROUP BY reason, mode;

-- name: outcomes_leavers_of_cohorts
-- Since $1: in which mode a customer began, when it came and when it left.
SELECT (SELECT d.mode FROM decisions d WHERE d.customer_id = o.customer_id ORDER BY d.id LIMIT 1),
       c.created_at, o.created_at
FROM offboardings o JOIN customers c ON c.id = o.customer_id
WHERE o.created_at >= $1 AND o.state NOT IN ('cancelling', 'cancelled') AND c.created_at >= $1
ORDER BY o.created_at DESC LIMIT $2;

-- name: outcomes_detections
SELECT to_mode, detected_at - changed_at FROM detections
WHERE detected_at >= $1 AND detected_at < $2 ORDER BY detected_at DESC LIMIT $3;

-- name: outcomes_moved
-- By the switch; those that came to none, by their end.
SELECT to_mode, state, COALESCE(switched_at, finished_at) - created_at FROM migrations
WHERE COALESCE(switched_at, finished_at) >= $1 AND COALESCE(switched_at, finished_at) < $2
  AND from_mode <> to_mode
ORDER BY COALESCE(switched_at, finished_at) DESC LIMIT $3;
