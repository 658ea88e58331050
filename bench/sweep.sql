-- name: bench_facts_add
INSERT INTO customer_facts (customer_id, active, plan, price, budget, latency, vehicles_told,
                            users_told, compliance, regions, mode, mode_since, measured_at,
                            vehicles, peak_users, regions_used)
SELECT r.c0, 1, r.c1, r.c2, r.c3, r.c4, r.c5, r.c6, r.c7, r.c8, r.c9, $1, $1, r.c10, r.c11, r.c12
FROM /*pg unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                 $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
                 $12::bigint[], $13::bigint[], $14::bigint[])
              AS r (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12) */
     /*sqlite rows($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS r */;
