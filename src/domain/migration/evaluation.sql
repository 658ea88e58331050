-- name: detection_insert
-- The facts changed after the sweep before the first that wanted the move (or since the customer
-- lives where it does): that sweep had looked at them and not wanted it.
INSERT INTO detections (id, customer_id, to_mode, automatic, changed_at, detected_at)
SELECT CAST($1 AS TEXT), v.customer_id, CAST($3 AS TEXT), CAST($4 AS BIGINT),
       COALESCE((SELECT max(s.started_at) FROM sweeps s
                 WHERE s.started_at < v.wanted_since AND s.started_at >= $6),
                CASE WHEN v.wanted_since > $6 THEN CAST($6 AS BIGINT) ELSE v.wanted_since END),
       CAST($5 AS BIGINT)
FROM verdicts v WHERE v.customer_id = $2 AND v.wanted_since IS NOT NULL;
