-- name: thing_insert
INSERT INTO things (id, slug, owner_id, size, price, sold, made_at, colour, tags, extra)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: thing_add
INSERT INTO things (id, slug) VALUES ($1, $2);

-- name: thing_add_returning
INSERT INTO things (id, slug) VALUES ($1, $2)
RETURNING id, slug;

-- name: thing_add_sized
INSERT INTO things (id, slug, size) VALUES ($1, $2, $3);

-- name: thing_add_owned
INSERT INTO things (id, slug, owner_id) VALUES ($1, $2, $3);

-- name: thing_put
INSERT INTO things (id, slug) VALUES ($2, $1)
ON CONFLICT (slug) DO NOTHING;

-- name: thing_by_slug
SELECT id, slug, owner_id, size, price, sold, made_at, colour, tags, extra
  FROM things
 WHERE slug = $1 /*pg FOR UPDATE */;

-- name: thing_read
SELECT * FROM things WHERE slug = $1;

-- name: things_all
SELECT id, slug FROM things ORDER BY id;

-- name: things_count
SELECT count(*) FROM things;

-- name: things_size_sum
SELECT sum(size) FROM things;

-- name: thing_slug
SELECT slug FROM things WHERE id = $1;

-- name: thing_owner
SELECT owner_id FROM things WHERE id = $1;

-- name: thing_set_colour
UPDATE things SET colour = $2 WHERE slug = $1;

-- name: thing_set_tags
UPDATE things SET tags = $2 WHERE slug = $1;

-- name: things_delete
DELETE FROM things;

-- name: counter_read
SELECT value FROM counters WHERE name = $1;

-- name: counter_write
UPDATE counters SET value = $2 WHERE name = $1;

-- name: counters_sum
SELECT sum(value) FROM counters;

-- name: counter_note
SELECT note FROM counters WHERE name = $1;

-- name: broken_query
SELECT nothing FROM nowhere;

-- name: things_add_many
INSERT INTO things (id, slug, size, extra, colour)
SELECT spec.id, spec.slug, spec.size, spec.extra, $1
FROM /*pg unnest($2::text[], $3::text[], $4::bigint[], $5::text[])
           AS spec (id, slug, size, extra) */
     /*sqlite (SELECT c0 AS id, c1 AS slug, c2 AS size, c3 AS extra FROM rows($2, $3, $4, $5))
       AS spec */;

-- name: things_of_sizes
SELECT count(*) FROM things
WHERE size /*pg = ANY($1::bigint[]) */ /*sqlite IN (SELECT value FROM json_each($1)) */;

-- name: rows_forged
SELECT count(*) FROM /*pg unnest(ARRAY[$1::text]) AS r WHERE false */ /*sqlite rows($1) */;

-- name: thing_values
SELECT id, size, extra, colour FROM things WHERE slug = $1;
