-- name: feedback_insert
INSERT INTO feedback (id, customer_id, score, comment, mode, plan, decision_id, recorded_by,
                      created_at)
VALUES ($1, $2, $3, $4, $5, $6,
        (SELECT d.decision_id FROM deployments d WHERE d.customer_id = $2 AND d.is_current = 1),
        $7, $8);

-- name: feedback_by_id
SELECT f.id, f.customer_id, c.slug AS customer_slug, f.score, f.comment, f.mode, f.plan,
       f.decision_id, f.recorded_by, f.created_at
FROM feedback f JOIN customers c ON c.id = f.customer_id WHERE f.id = $1;

-- name: feedback_page
SELECT f.id, f.customer_id, c.slug AS customer_slug, f.score, f.comment, f.mode, f.plan,
       f.decision_id, f.recorded_by, f.created_at
FROM feedback f JOIN customers c ON c.id = f.customer_id
WHERE f.id < $1 ORDER BY f.id DESC LIMIT $2;

-- name: feedback_page_of
SELECT f.id, f.customer_id, c.slug AS customer_slug, f.score, f.comment, f.mode, f.plan,
       f.decision_id, f.recorded_by, f.created_at
FROM feedback f JOIN customers c ON c.id = f.customer_id
WHERE f.id < $1 AND f.customer_id = $3 ORDER BY f.customer_id DESC, f.id DESC LIMIT $2;
