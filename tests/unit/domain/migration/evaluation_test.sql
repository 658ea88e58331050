-- What tests of evaluations set and ask.

-- name: facts_set
-- $2 vehicles, measured; response time, error rate, CPU; in its mode since $6; compliance $7. Large
-- fleets pay more.
UPDATE customer_facts
SET vehicles = $2, budget = CASE WHEN CAST($2 AS BIGINT) > 10 THEN 2000000 ELSE 300000 END,
    response_us = $3, error_rate = $4, cpu = $5, mode_since = $6, compliance = $7
WHERE customer_id = $1;

-- name: verdict_add
-- As two sweeps that recommended the mode $2 leave it.
INSERT INTO verdicts (customer_id, outcome, recommended, repeats, required, since)
VALUES ($1, 13, $2, 2, 0, 1);

-- name: count_notices
SELECT count(*) FROM notices;

-- name: newest_notice
SELECT '"kind":"' || kind || '" ' || text || ' ' || details FROM notices ORDER BY id DESC LIMIT 1;

-- name: count_moves
SELECT count(*) FROM migrations;

-- name: count_proposals
SELECT count(*) FROM proposals;
