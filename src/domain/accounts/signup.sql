-- name: customer_insert
INSERT INTO customers (id, slug, name, email, company_name, billing_email, status, profile,
                       created_at)
VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $8);

-- name: customer_slug_taken
SELECT count(*) FROM customers WHERE slug = $1;
