-- name: plan_all
SELECT slug, name, mode, price FROM plans ORDER BY rank LIMIT 100;

-- name: plan_by_slug
SELECT slug, name, mode, price FROM plans WHERE slug = $1;
