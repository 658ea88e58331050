-- name: outcomes_living_now
SELECT CASE mode WHEN 0 THEN 'multi_tenant' ELSE 'single_tenant' END, count(*)
FROM customer_facts WHERE active = 1 AND mode IS NOT NULL GROUP BY mode;

-- name: outcomes_signups
SELECT mode, count(*) FROM decisions
WHERE trigger = 'signup' AND made_at >= $1 AND made_at < $2 GROUP BY mode;

-- name: outcomes_answers
-- Proposals that a person answered.
SELECT to_mode, count(*) FROM proposals
WHERE decided_at >= $1 AND decided_at < $2 AND state IN ('approved', 'rejected')
GROUP BY to_mode;

-- name: outcomes_rejections
SELECT to_mode, count(*) FROM proposals
WHERE decided_at >= $1 AND decided_at < $2 AND state = 'rejected' GROUP BY to_mode;

-- name: outcomes_moves
-- Moves between modes that reached, or were on their way to, their target, each with what had put
-- the customer where it was: the move before, else the signup.
SELECT m.from_mode, m.to_mode, m.state, m.created_at, m.requested_by,
       (SELECT 1 FROM proposals q WHERE q.migration_id = m.id LIMIT 1),
       p.created_at, p.requested_by,
       (SELECT 1 FROM proposals q WHERE q.migration_id = p.id LIMIT 1),
       (SELECT d.made_at FROM decisions d WHERE d.customer_id = m.customer_id
        AND d.trigger = 'signup' ORDER BY d.id LIMIT 1)
FROM migrations m
LEFT JOIN migrations p ON p.id = (
    SELECT b.id FROM migrations b
    WHERE b.customer_id = m.customer_id AND b.id < m.id AND b.from_mode <> b.to_mode
      AND b.state NOT IN ('failing', 'failed', 'cancelling', 'cancelled')
    ORDER BY b.id DESC LIMIT 1)
WHERE m.created_at >= $1 AND m.created_at < $2 AND m.from_mode <> m.to_mode
  AND m.state NOT IN ('failing', 'failed', 'cancelling', 'cancelled')
ORDER BY m.created_at DESC LIMIT $3;

-- name: outcomes_scores
SELECT mode, score, count(*) FROM feedback
WHERE created_at >= $1 AND created_at < $2 GROUP BY mode, score;

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
SELECT to_mode, state, finished_at - created_at FROM migrations
WHERE finished_at >= $1 AND finished_at < $2 AND from_mode <> to_mode
ORDER BY finished_at DESC LIMIT $3;
