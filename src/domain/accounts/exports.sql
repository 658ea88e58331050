-- name: export_of
SELECT customer_id, node, row_count, bytes, sha256, made_at, expires_at FROM exports
WHERE customer_id = $1;

-- name: export_record_made
INSERT INTO exports (customer_id, node, row_count, bytes, sha256, made_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (customer_id) DO UPDATE
SET node = excluded.node, row_count = excluded.row_count, bytes = excluded.bytes,
    sha256 = excluded.sha256, made_at = excluded.made_at, expires_at = excluded.expires_at;

-- name: exports_forget
DELETE FROM exports WHERE expires_at <= $1;
