-- name: usage_hours_add_rows
-- Any number of batches on any node add to the same row. Rows come sorted by key, so that two
-- that add to the same rows wait for each other instead of locking crosswise.
-- What absurd events could add up to more than 63 bits stays below: it must not fail the batches
-- of others. CASE, because a call of min() or max() takes SQLite longer than the rest of a column.
INSERT INTO usage_hours (
    customer_id, hour, events, api_calls, api_errors, api_us, bytes, calls_us, calls_eu,
    calls_apac, gps_points, realtime_ops, batch_ops, gps_collected, sessions, session_us,
    vehicles_added, vehicles_removed, collections, vehicles, storage_bytes, samples, cpu_sum,
    cpu_max, memory_sum, memory_max, disk_sum, disk_max, connections_sum, connections_max,
    users, peak_users, l00, l01, l02, l03, l04, l05, l06, l07, l08, l09, l10, l11, l12, l13,
    l14, l15, l16, l17, l18, l19, l20, l21, l22, l23, l24, l25, l26, l27, l28, l29, l30, l31,
    changed_at)
/*pg
SELECT *, CAST($1 AS BIGINT) FROM unnest(
    $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],
    $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[],
    $26::bigint[], $27::bigint[], $28::bigint[], $29::bigint[], $30::bigint[], $31::bigint[],
    $32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[], $36::bigint[], $37::bigint[],
    $38::bigint[], $39::bigint[], $40::bigint[], $41::bigint[], $42::bigint[], $43::bigint[],
    $44::bigint[], $45::bigint[], $46::bigint[], $47::bigint[], $48::bigint[], $49::bigint[],
    $50::bigint[], $51::bigint[], $52::bigint[], $53::bigint[], $54::bigint[], $55::bigint[],
    $56::bigint[], $57::bigint[], $58::bigint[], $59::bigint[], $60::bigint[], $61::bigint[],
    $62::bigint[], $63::bigint[], $64::bigint[], $65::bigint[])
*/
/*sqlite
SELECT
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19,
    c20, c21, c22, c23, c24, c25, c26, c27, c28, c29, c30, c31, c32, c33, c34, c35, c36, c37,
    c38, c39, c40, c41, c42, c43, c44, c45, c46, c47, c48, c49, c50, c51, c52, c53, c54, c55,
    c56, c57, c58, c59, c60, c61, c62, c63, $1
FROM rows($2, coalesce(
    $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
    $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40,
    $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58,
    $59, $60, $61, $62, $63, $64, $65))
WHERE true
*/
ON CONFLICT (customer_id, hour) DO UPDATE SET
    events = usage_hours.events + excluded.events,
    api_calls = usage_hours.api_calls + excluded.api_calls,
    api_errors = usage_hours.api_errors + excluded.api_errors,
    api_us = excluded.api_us + CASE
        WHEN usage_hours.api_us > 4611686018427387903 THEN 4611686018427387903
        ELSE usage_hours.api_us
    END,
    bytes = excluded.bytes + CASE
        WHEN usage_hours.bytes > 4611686018427387903 THEN 4611686018427387903
        ELSE usage_hours.bytes
    END,
    calls_us = usage_hours.calls_us + excluded.calls_us,
    calls_eu = usage_hours.calls_eu + excluded.calls_eu,
    calls_apac = usage_hours.calls_apac + excluded.calls_apac,
    gps_points = usage_hours.gps_points + excluded.gps_points,
    realtime_ops = usage_hours.realtime_ops + excluded.realtime_ops,
    batch_ops = usage_hours.batch_ops + excluded.batch_ops,
    gps_collected = CASE
        WHEN usage_hours.gps_collected > excluded.gps_collected THEN usage_hours.gps_collected
        ELSE excluded.gps_collected
    END,
    sessions = usage_hours.sessions + excluded.sessions,
    session_us = excluded.session_us + CASE
        WHEN usage_hours.session_us > 4611686018427387903 THEN 4611686018427387903
        ELSE usage_hours.session_us
    END,
    vehicles_added = usage_hours.vehicles_added + excluded.vehicles_added,
    vehicles_removed = usage_hours.vehicles_removed + excluded.vehicles_removed,
    collections = usage_hours.collections + excluded.collections,
    vehicles = CASE
        WHEN usage_hours.vehicles > excluded.vehicles THEN usage_hours.vehicles
        ELSE excluded.vehicles
    END,
    storage_bytes = CASE
        WHEN usage_hours.storage_bytes > excluded.storage_bytes THEN usage_hours.storage_bytes
        ELSE excluded.storage_bytes
    END,
    samples = usage_hours.samples + excluded.samples,
    cpu_sum = usage_hours.cpu_sum + excluded.cpu_sum,
    cpu_max = CASE
        WHEN usage_hours.cpu_max > excluded.cpu_max THEN usage_hours.cpu_max
        ELSE excluded.cpu_max
    END,
    memory_sum = usage_hours.memory_sum + excluded.memory_sum,
    memory_max = CASE
        WHEN usage_hours.memory_max > excluded.memory_max THEN usage_hours.memory_max
        ELSE excluded.memory_max
    END,
    disk_sum = usage_hours.disk_sum + excluded.disk_sum,
    disk_max = CASE
        WHEN usage_hours.disk_max > excluded.disk_max THEN usage_hours.disk_max
        ELSE excluded.disk_max
    END,
    connections_sum = usage_hours.connections_sum + excluded.connections_sum,
    connections_max = CASE
        WHEN usage_hours.connections_max > excluded.connections_max THEN usage_hours.connections_max
        ELSE excluded.connections_max
    END,
    users = CASE
        WHEN usage_hours.users > excluded.users THEN usage_hours.users
        ELSE excluded.users
    END,
    peak_users = CASE
        WHEN usage_hours.peak_users > excluded.peak_users THEN usage_hours.peak_users
        ELSE excluded.peak_users
    END,
    l00 = usage_hours.l00 + excluded.l00,
    l01 = usage_hours.l01 + excluded.l01,
    l02 = usage_hours.l02 + excluded.l02,
    l03 = usage_hours.l03 + excluded.l03,
    l04 = usage_hours.l04 + excluded.l04,
    l05 = usage_hours.l05 + excluded.l05,
    l06 = usage_hours.l06 + excluded.l06,
    l07 = usage_hours.l07 + excluded.l07,
    l08 = usage_hours.l08 + excluded.l08,
    l09 = usage_hours.l09 + excluded.l09,
    l10 = usage_hours.l10 + excluded.l10,
    l11 = usage_hours.l11 + excluded.l11,
    l12 = usage_hours.l12 + excluded.l12,
    l13 = usage_hours.l13 + excluded.l13,
    l14 = usage_hours.l14 + excluded.l14,
    l15 = usage_hours.l15 + excluded.l15,
    l16 = usage_hours.l16 + excluded.l16,
    l17 = usage_hours.l17 + excluded.l17,
    l18 = usage_hours.l18 + excluded.l18,
    l19 = usage_hours.l19 + excluded.l19,
    l20 = usage_hours.l20 + excluded.l20,
    l21 = usage_hours.l21 + excluded.l21,
    l22 = usage_hours.l22 + excluded.l22,
    l23 = usage_hours.l23 + excluded.l23,
    l24 = usage_hours.l24 + excluded.l24,
    l25 = usage_hours.l25 + excluded.l25,
    l26 = usage_hours.l26 + excluded.l26,
    l27 = usage_hours.l27 + excluded.l27,
    l28 = usage_hours.l28 + excluded.l28,
    l29 = usage_hours.l29 + excluded.l29,
    l30 = usage_hours.l30 + excluded.l30,
    l31 = usage_hours.l31 + excluded.l31,
    changed_at = CASE
        WHEN usage_hours.changed_at > excluded.changed_at THEN usage_hours.changed_at
        ELSE excluded.changed_at
    END;

-- name: usage_hours_between
SELECT
    customer_id, hour, events, api_calls, api_errors, api_us, bytes, calls_us, calls_eu,
    calls_apac, gps_points, realtime_ops, batch_ops, gps_collected, sessions, session_us,
    vehicles_added, vehicles_removed, collections, vehicles, storage_bytes, samples, cpu_sum,
    cpu_max, memory_sum, memory_max, disk_sum, disk_max, connections_sum, connections_max,
    users, peak_users, l00, l01, l02, l03, l04, l05, l06, l07, l08, l09, l10, l11, l12, l13,
    l14, l15, l16, l17, l18, l19, l20, l21, l22, l23, l24, l25, l26, l27, l28, l29, l30, l31
FROM usage_hours
WHERE customer_id = $1 AND hour >= $2 AND hour < $3
ORDER BY hour;
