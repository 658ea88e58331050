-- name: usage_days_between
SELECT
    customer_id, day * 24 AS hour, events, api_calls, api_errors, api_us, bytes, calls_us,
    calls_eu, calls_apac, gps_points, realtime_ops, batch_ops, 0 AS gps_collected, sessions,
    session_us, vehicles_added, vehicles_removed, collections, vehicles, storage_bytes, samples,
    cpu_sum, cpu_max, memory_sum, memory_max, disk_sum, disk_max, connections_sum,
    connections_max, users, peak_users, l00, l01, l02, l03, l04, l05, l06, l07, l08, l09, l10,
    l11, l12, l13, l14, l15, l16, l17, l18, l19, l20, l21, l22, l23, l24, l25, l26, l27, l28,
    l29, l30, l31
FROM usage_days
WHERE customer_id = $1 AND day >= $2 AND day < $3
ORDER BY day;

-- name: retention_old_hours
-- In the order of the customers, so that a batch has few days.
SELECT
    customer_id, hour, events, api_calls, api_errors, api_us, bytes, calls_us, calls_eu,
    calls_apac, gps_points, realtime_ops, batch_ops, gps_collected, sessions, session_us,
    vehicles_added, vehicles_removed, collections, vehicles, storage_bytes, samples, cpu_sum,
    cpu_max, memory_sum, memory_max, disk_sum, disk_max, connections_sum, connections_max,
    users, peak_users, l00, l01, l02, l03, l04, l05, l06, l07, l08, l09, l10, l11, l12, l13,
    l14, l15, l16, l17, l18, l19, l20, l21, l22, l23, l24, l25, l26, l27, l28, l29, l30, l31
FROM (SELECT customer_id AS old_id, hour AS old_hour FROM usage_hours WHERE hour < $1
      ORDER BY hour LIMIT $2) AS old
JOIN usage_hours ON customer_id = old_id AND hour = old_hour
ORDER BY customer_id, hour;

-- name: retention_days_of
-- Those of customers $1 from day $2 up to day $3.
SELECT
    customer_id, day * 24 AS hour, events, api_calls, api_errors, api_us, bytes, calls_us,
    calls_eu, calls_apac, gps_points, realtime_ops, batch_ops, 0 AS gps_collected, sessions,
    session_us, vehicles_added, vehicles_removed, collections, vehicles, storage_bytes, samples,
    cpu_sum, cpu_max, memory_sum, memory_max, disk_sum, disk_max, connections_sum,
    connections_max, users, peak_users, l00, l01, l02, l03, l04, l05, l06, l07, l08, l09, l10,
    l11, l12, l13, l14, l15, l16, l17, l18, l19, l20, l21, l22, l23, l24, l25, l26, l27, l28,
    l29, l30, l31
FROM usage_days
WHERE customer_id /*pg = ANY (ARRAY(SELECT json_array_elements_text($1::json))) */
                  /*sqlite IN (SELECT value FROM json_each($1)) */
  AND day >= $2 AND day <= $3
ORDER BY customer_id, day;

-- name: retention_delete_hours
DELETE FROM usage_hours
WHERE (customer_id, hour) IN (
/*pg
    SELECT * FROM unnest($1::text[], $2::bigint[])
*/
/*sqlite
    SELECT c0, c1 FROM rows($1, $2)
*/
);

-- name: retention_delete_days
DELETE FROM usage_days
WHERE (customer_id, day) IN (
/*pg
    SELECT * FROM unnest($1::text[], $2::bigint[])
*/
/*sqlite
    SELECT c0, c1 FROM rows($1, $2)
*/
);

-- name: retention_put_days
INSERT INTO usage_days (
    customer_id, day, events, api_calls, api_errors, api_us, bytes, calls_us, calls_eu,
    calls_apac, gps_points, realtime_ops, batch_ops, sessions, session_us, vehicles_added,
    vehicles_removed, collections, vehicles, storage_bytes, samples, cpu_sum, cpu_max,
    memory_sum, memory_max, disk_sum, disk_max, connections_sum, connections_max, users,
    peak_users, l00, l01, l02, l03, l04, l05, l06, l07, l08, l09, l10, l11, l12, l13, l14, l15,
    l16, l17, l18, l19, l20, l21, l22, l23, l24, l25, l26, l27, l28, l29, l30, l31)
/*pg
SELECT * FROM unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
    $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[],
    $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[],
    $25::bigint[], $26::bigint[], $27::bigint[], $28::bigint[], $29::bigint[], $30::bigint[],
    $31::bigint[], $32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[], $36::bigint[],
    $37::bigint[], $38::bigint[], $39::bigint[], $40::bigint[], $41::bigint[], $42::bigint[],
    $43::bigint[], $44::bigint[], $45::bigint[], $46::bigint[], $47::bigint[], $48::bigint[],
    $49::bigint[], $50::bigint[], $51::bigint[], $52::bigint[], $53::bigint[], $54::bigint[],
    $55::bigint[], $56::bigint[], $57::bigint[], $58::bigint[], $59::bigint[], $60::bigint[],
    $61::bigint[], $62::bigint[], $63::bigint[])
*/
/*sqlite
SELECT
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19,
    c20, c21, c22, c23, c24, c25, c26, c27, c28, c29, c30, c31, c32, c33, c34, c35, c36, c37,
    c38, c39, c40, c41, c42, c43, c44, c45, c46, c47, c48, c49, c50, c51, c52, c53, c54, c55,
    c56, c57, c58, c59, c60, c61, c62
FROM rows($1, coalesce(
    $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
    $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39,
    $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57,
    $58, $59, $60, $61, $62, $63))
*/;

-- name: prune_days
DELETE FROM usage_days WHERE (customer_id, day) IN (
    SELECT customer_id, day FROM usage_days WHERE day < $1 ORDER BY day LIMIT $2);

-- name: prune_users
DELETE FROM usage_users WHERE (customer_id, hour, user_hash) IN (
    SELECT customer_id, hour, user_hash FROM usage_users WHERE hour < $1 ORDER BY hour LIMIT $2);

-- name: prune_event_ids
DELETE FROM usage_event_ids WHERE (customer_id, hash_high, hash_low) IN (
    SELECT customer_id, hash_high, hash_low FROM usage_event_ids WHERE seen_at < $1
    ORDER BY seen_at LIMIT $2);
