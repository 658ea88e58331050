-- One side of a move: the tenant's place, its fence, its mark and its list of changes.

-- name: side_claim
-- The first statement of everything that changes a side. It makes a smaller run stop here.
UPDATE tenants SET mover = $2 WHERE customer_id = $1 AND mover <= $2 AND deployment_id = $3;

-- name: side_look
SELECT t.deployment_id, t.fenced, t.mover, m.move_id, m.captures, m.complete, m.applied,
       m.copy_table, m.copy_after, m.copy_rows, m.copy_bytes
FROM tenants t LEFT JOIN tenant_moves m ON m.customer_id = t.customer_id
WHERE t.customer_id = $1;

-- name: side_fence
UPDATE tenants SET fenced = $2 WHERE customer_id = $1 AND fenced <> $2;

-- name: side_mark_insert
INSERT INTO tenant_moves (customer_id, move_id, captures, complete) VALUES ($1, $2, $3, $3)
ON CONFLICT (customer_id) DO NOTHING;

-- name: side_mark_delete
DELETE FROM tenant_moves WHERE customer_id = $1 AND move_id = $2;

-- name: side_capture
UPDATE tenant_moves SET captures = $2 WHERE customer_id = $1 AND captures <> $2;

-- name: side_note_copy
UPDATE tenant_moves
SET copy_table = $2, copy_after = $3, copy_rows = copy_rows + $4, copy_bytes = copy_bytes + $5
WHERE customer_id = $1;

-- name: side_note_complete
UPDATE tenant_moves SET complete = 1 WHERE customer_id = $1;

-- name: side_note_applied
UPDATE tenant_moves SET applied = $2 WHERE customer_id = $1;

-- name: side_last_change
SELECT coalesce(max(seq), 0) FROM tenant_changes WHERE customer_id = $1;

-- name: side_next_changes
-- The number of the last of the next $3 entries behind $2.
SELECT coalesce(max(seq), $2) FROM (
    SELECT seq FROM tenant_changes WHERE customer_id = $1 AND seq > $2 ORDER BY seq LIMIT $3) n;

-- name: side_list_bytes
-- What the entries behind $2 hold.
SELECT coalesce(sum(length(customer_id) + length(table_name) + length(id)), 0)
FROM tenant_changes WHERE customer_id = $1 AND seq > $2;

-- name: side_prune
DELETE FROM tenant_changes WHERE seq IN (
    SELECT seq FROM tenant_changes WHERE customer_id = $1 AND seq <= $2 ORDER BY seq LIMIT $3);

-- name: side_others
SELECT count(*) FROM (SELECT 1 FROM tenants WHERE customer_id <> $1 LIMIT 1) o;

-- name: side_unknown_tables
-- Tables that may hold the tenant's rows and that no mover knows. One for each line.
SELECT m.name FROM sqlite_schema m
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'
  AND m.name NOT IN (SELECT value FROM json_each($1))
ORDER BY m.name;

-- name: side_column_count
SELECT count(*) FROM pragma_table_info($1);

-- name: side_schema
SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY type, name;

-- name: side_file_bytes
SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size();

-- name: side_all_rows
SELECT (SELECT count(*) FROM tenants) + (SELECT count(*) FROM vehicles)
     + (SELECT count(*) FROM gps_points);
