-- name: add_move
INSERT INTO migrations (id, customer_id, from_mode, to_mode, state, reason, requested_by, source_id,
                        run, created_at, switched_at, finished_at)
VALUES ($1, $2, $3, $4, $5, 'test', $6, $7, 0, $8, $9, $10);

-- name: approve_move
UPDATE migrations SET proposal_id = $2 WHERE id = $1;

-- name: add_proposal
INSERT INTO proposals (id, customer_id, from_mode, to_mode, state, decision_id, confidence, reason,
                       saving, plan_hash, migration_id, created_at, expires_at, decided_by,
                       decided_at)
VALUES ($1, $2, 'multi_tenant', 'single_tenant', $3, $4, 9000, 'test', 0, 'x', $5, $6, $6,
        'token:t', $6);

-- name: add_leaving
INSERT INTO offboardings (id, customer_id, slug, state, mode, plan, reason, requested_by,
                          retention_days, wants_export, run, created_at)
VALUES ($1, $2, 'x', $3, $4, 'hobby', $5, 'token:t', 0, 0, 0, $6);

-- name: add_detection
INSERT INTO detections (id, customer_id, to_mode, automatic, changed_at, detected_at)
VALUES ($1, $2, 'single_tenant', 0, $3, $4);

-- name: place
UPDATE customer_facts SET mode = $2, mode_since = 1 WHERE customer_id = $1;

-- name: leave
UPDATE customer_facts SET active = 0 WHERE customer_id = $1;
