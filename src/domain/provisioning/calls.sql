-- name: calls_insert_many
INSERT INTO provider_calls (id, provider, method, route, subject, customer_id, request_id, status,
                            outcome, error_code, took_us, attempt, started_at)
/*pg
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::text[], $8::bigint[], $9::text[], $10::text[], $11::bigint[],
                     $12::bigint[], $13::bigint[])
*/
/*sqlite
SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12
FROM rows($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
*/;

-- name: calls_page
SELECT id, provider, method, route, subject, customer_id, request_id, status, outcome, error_code,
       took_us, attempt, started_at
FROM provider_calls
WHERE id < $1 AND (CAST($3 AS TEXT) IS NULL OR provider = $3)
  AND (CAST($4 AS TEXT) IS NULL OR outcome = $4)
  AND (CAST($5 AS BIGINT) IS NULL OR started_at >= $5)
ORDER BY id DESC LIMIT $2;

-- name: calls_page_by_subject
SELECT id, provider, method, route, subject, customer_id, request_id, status, outcome, error_code,
       took_us, attempt, started_at
FROM provider_calls
WHERE id < $1 AND (CAST($3 AS TEXT) IS NULL OR provider = $3)
  AND (CAST($4 AS TEXT) IS NULL OR outcome = $4)
  AND (CAST($5 AS BIGINT) IS NULL OR started_at >= $5)
  AND subject = $6 AND (CAST($7 AS TEXT) IS NULL OR customer_id = $7)
ORDER BY id DESC LIMIT $2;

-- name: calls_page_by_customer
SELECT id, provider, method, route, subject, customer_id, request_id, status, outcome, error_code,
       took_us, attempt, started_at
FROM provider_calls
WHERE id < $1 AND (CAST($3 AS TEXT) IS NULL OR provider = $3)
  AND (CAST($4 AS TEXT) IS NULL OR outcome = $4)
  AND (CAST($5 AS BIGINT) IS NULL OR started_at >= $5)
  AND customer_id = $6
ORDER BY id DESC LIMIT $2;

-- name: calls_delete_old
DELETE FROM provider_calls WHERE id IN (
    SELECT id FROM provider_calls WHERE started_at < $1 ORDER BY started_at LIMIT $2);
