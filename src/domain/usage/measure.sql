-- name: measure_due
-- Of whom there is news, in order after $1: an hour from $2 on has changed, an hour before $3 has
-- left the last day, or a growth was measured before $4.
SELECT f.customer_id, f.measured_at, f.growth
FROM customer_facts f
WHERE f.customer_id > $1
  AND (EXISTS (SELECT 1 FROM usage_hours h
               WHERE h.customer_id = f.customer_id AND h.hour >= $2
                 AND h.changed_at >= COALESCE(f.measured_at, 0) - $5)
       OR EXISTS (SELECT 1 FROM usage_hours h
                  WHERE h.customer_id = f.customer_id AND h.hour < $3
                    AND h.hour > COALESCE(f.measured_at / 3600000000, 0) - 24)
       OR (f.growth IS NOT NULL AND f.measured_at < $4))
ORDER BY f.customer_id LIMIT $6;

-- name: measure_hours_of_many
SELECT
    customer_id, hour, events, api_calls, api_errors, api_us, bytes, calls_us, calls_eu,
    calls_apac, gps_points, realtime_ops, batch_ops, gps_collected, sessions, session_us,
    vehicles_added, vehicles_removed, collections, vehicles, storage_bytes, samples, cpu_sum,
    cpu_max, memory_sum, memory_max, disk_sum, disk_max, connections_sum, connections_max, users,
    peak_users, l00, l01, l02, l03, l04, l05, l06, l07, l08, l09, l10, l11, l12, l13, l14, l15,
    l16, l17, l18, l19, l20, l21, l22, l23, l24, l25, l26, l27, l28, l29, l30, l31
FROM usage_hours
WHERE customer_id /*pg = ANY (ARRAY(SELECT json_array_elements_text($1::json))) */
                  /*sqlite IN (SELECT value FROM json_each($1)) */
  AND hour >= $2
ORDER BY customer_id, hour;

-- name: measure_users_by_hour
-- Of the hours that changed. Bit n of windows is the n-th five minutes.
SELECT u.customer_id, u.hour, count(*) AS users,
       CAST(/*pg GREATEST */ /*sqlite max */ (
           sum(u.windows & 1), sum((u.windows >> 1) & 1), sum((u.windows >> 2) & 1),
           sum((u.windows >> 3) & 1), sum((u.windows >> 4) & 1), sum((u.windows >> 5) & 1),
           sum((u.windows >> 6) & 1), sum((u.windows >> 7) & 1), sum((u.windows >> 8) & 1),
           sum((u.windows >> 9) & 1), sum((u.windows >> 10) & 1), sum((u.windows >> 11) & 1))
           AS BIGINT) AS peak_users
FROM customer_facts f
JOIN usage_hours h ON h.customer_id = f.customer_id AND h.hour >= $2
                  AND h.changed_at >= COALESCE(f.measured_at, 0) - $3
JOIN usage_users u ON u.customer_id = h.customer_id AND u.hour = h.hour
WHERE f.customer_id /*pg = ANY (ARRAY(SELECT json_array_elements_text($1::json))) */
                    /*sqlite IN (SELECT value FROM json_each($1)) */
GROUP BY u.customer_id, u.hour
ORDER BY u.customer_id, u.hour;

-- name: measure_users
-- Distinct from hour $2 on, today (from hour $3 on) and yesterday (from $4 on).
SELECT customer_id,
       count(DISTINCT CASE WHEN hour >= $2 THEN user_hash END) AS users,
       count(DISTINCT CASE WHEN hour >= $3 THEN user_hash END) AS today,
       count(DISTINCT CASE WHEN hour < $3 THEN user_hash END) AS yesterday
FROM usage_users
WHERE customer_id /*pg = ANY (ARRAY(SELECT json_array_elements_text($1::json))) */
                  /*sqlite IN (SELECT value FROM json_each($1)) */
  AND hour >= $4
GROUP BY customer_id
ORDER BY customer_id;

-- name: measure_month
-- Calls and points from day $2 to before day $4, those from $3 on apart, of customers who were
-- there on day $2 already.
SELECT customer_id,
       CAST(COALESCE(sum(CASE WHEN day >= CAST($3 AS BIGINT) THEN done END), 0) AS BIGINT)
           AS month,
       CAST(COALESCE(sum(CASE WHEN day < $3 THEN done END), 0) AS BIGINT) AS month_before
FROM (SELECT customer_id, hour / 24 AS day,
             api_calls + /*pg GREATEST */ /*sqlite max */ (gps_points, gps_collected) AS done
      FROM usage_hours
      WHERE customer_id /*pg = ANY (ARRAY(SELECT json_array_elements_text($1::json))) */
                        /*sqlite IN (SELECT value FROM json_each($1)) */
        AND hour >= CAST($2 AS BIGINT) * 24 AND hour < CAST($4 AS BIGINT) * 24
      UNION ALL
      SELECT customer_id, day, api_calls + gps_points AS done
      FROM usage_days
      WHERE customer_id /*pg = ANY (ARRAY(SELECT json_array_elements_text($1::json))) */
                        /*sqlite IN (SELECT value FROM json_each($1)) */
        AND day >= $2 AND day < $4) AS done_by_day
GROUP BY customer_id
HAVING EXISTS (SELECT 1 FROM usage_days d
               WHERE d.customer_id = done_by_day.customer_id AND d.day <= $2)
    OR EXISTS (SELECT 1 FROM usage_hours h
               WHERE h.customer_id = done_by_day.customer_id AND h.hour < ($2 + 1) * 24)
ORDER BY customer_id;

-- name: measure_put_users
UPDATE usage_hours SET users = r.users, peak_users = r.peak_users
FROM (
/*pg
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
        AS r (customer_id, hour, users, peak_users)
*/
/*sqlite
    SELECT c0 AS customer_id, c1 AS hour, c2 AS users, c3 AS peak_users
    FROM rows($1, $2, $3, $4)
*/
) AS r
WHERE usage_hours.customer_id = r.customer_id AND usage_hours.hour = r.hour
  AND (usage_hours.users <> r.users OR usage_hours.peak_users <> r.peak_users);

-- name: measure_put_day_users
INSERT INTO usage_days (customer_id, day, users)
/*pg
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
*/
/*sqlite
SELECT c0, c1, c2 FROM rows($1, $2, $3) WHERE true
*/
ON CONFLICT (customer_id, day) DO UPDATE SET users = excluded.users
WHERE usage_days.users < excluded.users;

-- name: measure_put_facts
UPDATE customer_facts
SET measured_at = $1, vehicles = r.vehicles, gps_points = r.gps_points, api_calls = r.api_calls,
    storage_bytes = r.storage_bytes, users = r.users, peak_users = r.peak_users,
    response_us = r.response_us, p95_us = r.p95_us, p99_us = r.p99_us, error_rate = r.error_rate,
    cpu = r.cpu, growth = r.growth, regions_used = r.regions_used
FROM (
/*pg
    SELECT * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                         $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
                         $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[])
        AS r (customer_id, vehicles, gps_points, api_calls, storage_bytes, users, peak_users,
              response_us, p95_us, p99_us, error_rate, cpu, growth, regions_used)
*/
/*sqlite
    SELECT c0 AS customer_id, c1 AS vehicles, c2 AS gps_points, c3 AS api_calls,
           c4 AS storage_bytes, c5 AS users, c6 AS peak_users, c7 AS response_us, c8 AS p95_us,
           c9 AS p99_us, c10 AS error_rate, c11 AS cpu, c12 AS growth, c13 AS regions_used
    FROM rows($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
*/
) AS r
WHERE customer_facts.customer_id = r.customer_id;
