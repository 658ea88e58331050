-- name: customer_by_id_or_slug
-- With the newest subscription: that of a customer who left has ended.
SELECT c.id, c.slug, c.name, c.email, c.company_name, c.billing_email, c.status, s.plan, d.mode,
       c.profile, c.created_at
FROM customers c
JOIN subscriptions s ON s.id = (SELECT n.id FROM subscriptions n WHERE n.customer_id = c.id
                                ORDER BY n.id DESC LIMIT 1)
JOIN deployments d ON d.customer_id = c.id AND d.is_current = 1
WHERE c.id = $1 OR c.slug = $1
ORDER BY CASE WHEN c.id = $1 THEN 0 ELSE 1 END LIMIT 1;

-- name: customer_page
SELECT c.id, c.slug, c.name, c.email, c.company_name, c.billing_email, c.status, s.plan, d.mode,
       c.profile, c.created_at
FROM customers c
JOIN subscriptions s ON s.id = (SELECT n.id FROM subscriptions n WHERE n.customer_id = c.id
                                ORDER BY n.id DESC LIMIT 1)
JOIN deployments d ON d.customer_id = c.id AND d.is_current = 1
WHERE c.id < $1 AND (CAST($3 AS TEXT) IS NULL OR d.mode = $3)
  AND (CAST($4 AS TEXT) IS NULL OR c.status = $4)
ORDER BY c.id DESC LIMIT $2;

-- name: customer_search
-- Whose slug or name begins with what lies between $5 and $6: of each the first thousand.
SELECT c.id, c.slug, c.name, c.email, c.company_name, c.billing_email, c.status, s.plan, d.mode,
       c.profile, c.created_at
FROM (SELECT id FROM (SELECT id FROM customers WHERE slug >= $5 AND slug < $6
                      ORDER BY slug LIMIT 1000) by_slug
      UNION
      SELECT id FROM (SELECT id FROM customers WHERE lower(name) >= $5 AND lower(name) < $6
                      ORDER BY lower(name) LIMIT 1000) by_name) found
JOIN customers c ON c.id = found.id
JOIN subscriptions s ON s.id = (SELECT n.id FROM subscriptions n WHERE n.customer_id = c.id
                                ORDER BY n.id DESC LIMIT 1)
JOIN deployments d ON d.customer_id = c.id AND d.is_current = 1
WHERE c.id < $1 AND (CAST($3 AS TEXT) IS NULL OR d.mode = $3)
  AND (CAST($4 AS TEXT) IS NULL OR c.status = $4)
ORDER BY c.id DESC LIMIT $2;

-- name: customer_move_running
SELECT id FROM migrations WHERE customer_id = $1 AND finished_at IS NULL;
