-- name: proposal_insert
INSERT INTO proposals (id, customer_id, from_mode, to_mode, state, decision_id, confidence, reason,
                       saving, plan_hash, created_at, expires_at, kind, requested_by,
                       requester_token, schema_sha256, size_class)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: proposal_by_id
SELECT p.id, p.customer_id, c.slug AS customer_slug, p.from_mode, p.to_mode, p.state,
       p.decision_id, p.confidence, p.reason, p.saving AS monthly_saving, p.plan_hash,
       p.migration_id, p.created_at, p.expires_at, p.decided_by, p.decided_at, p.comment, p.kind,
       p.requested_by, p.requester_token, p.schema_sha256, p.size_class
FROM proposals p JOIN customers c ON c.id = p.customer_id WHERE p.id = $1;

-- name: proposal_pending_of_customer
SELECT p.id, p.customer_id, c.slug AS customer_slug, p.from_mode, p.to_mode, p.state,
       p.decision_id, p.confidence, p.reason, p.saving AS monthly_saving, p.plan_hash,
       p.migration_id, p.created_at, p.expires_at, p.decided_by, p.decided_at, p.comment, p.kind,
       p.requested_by, p.requester_token, p.schema_sha256, p.size_class
FROM proposals p JOIN customers c ON c.id = p.customer_id
WHERE p.customer_id = $1 AND p.state = 'pending';

-- name: proposal_page
SELECT p.id, p.customer_id, c.slug AS customer_slug, p.from_mode, p.to_mode, p.state,
       p.decision_id, p.confidence, p.reason, p.saving AS monthly_saving, p.plan_hash,
       p.migration_id, p.created_at, p.expires_at, p.decided_by, p.decided_at, p.comment, p.kind,
       p.requested_by, p.requester_token, p.schema_sha256, p.size_class
FROM proposals p JOIN customers c ON c.id = p.customer_id
WHERE p.id < $1 AND (CAST($3 AS TEXT) IS NULL OR p.state = $3)
  AND (CAST($4 AS TEXT) IS NULL OR p.customer_id = $4)
ORDER BY p.id DESC LIMIT $2;

-- name: proposal_end
UPDATE proposals SET state = $2, decided_by = $3, decided_at = $4, comment = $5, migration_id = $6
WHERE id = $1 AND state = 'pending';

-- name: proposal_pending_count
SELECT count(*) FROM proposals WHERE state = 'pending';
