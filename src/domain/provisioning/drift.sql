-- name: drift_see
INSERT INTO drift (id, kind, provider, thing, provider_id, name, app, owner, expected, found,
                   cleanable, first_seen, last_seen, sightings)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 1)
ON CONFLICT (provider, kind, thing, app, provider_id) DO UPDATE
SET name = excluded.name, owner = excluded.owner, expected = excluded.expected,
    found = excluded.found, cleanable = excluded.cleanable, last_seen = excluded.last_seen,
    sightings = drift.sightings + 1;

-- name: drift_forget_unseen
DELETE FROM drift WHERE provider = $1 AND last_seen < $2;

-- name: drift_page
SELECT id, kind, provider, thing, provider_id, name, app, owner, expected, found, cleanable,
       first_seen, last_seen, sightings
FROM drift WHERE id < $1 AND (CAST($3 AS TEXT) IS NULL OR kind = $3) ORDER BY id DESC LIMIT $2;

-- name: drift_old_orphans
SELECT id, kind, provider, thing, provider_id, name, app, owner, expected, found, cleanable,
       first_seen, last_seen, sightings
FROM drift
WHERE provider = $1 AND kind = 'orphan' AND cleanable = 1 AND sightings >= 2 AND first_seen <= $2
ORDER BY id LIMIT $3;

-- name: drift_delete
DELETE FROM drift WHERE id = $1;

-- name: drift_count
SELECT count(*) FROM drift WHERE kind = $1;
