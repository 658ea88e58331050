-- name: decision_insert
INSERT INTO decisions (id, customer_id, trigger, mode, plan, confidence, reason, policy,
                       policy_sha256, document, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: decision_by_id
SELECT id, customer_id, trigger, mode, plan, confidence, reason, policy, policy_sha256, document,
       made_at
FROM decisions WHERE id = $1;

-- name: decision_latest_of
SELECT id, customer_id, trigger, mode, plan, confidence, reason, policy, policy_sha256, document,
       made_at
FROM decisions WHERE customer_id = $1 ORDER BY id DESC LIMIT 1;

-- name: decision_page_of
SELECT id, customer_id, trigger, mode, plan, confidence, reason, policy, policy_sha256, made_at
FROM decisions WHERE id < $1 AND customer_id = $3 ORDER BY id DESC LIMIT $2;
