-- name: add_many
-- $1 entries that are not sealed; ids in their order.
INSERT INTO audit (id, at, actor, action, subject, details)
WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
SELECT /*sqlite printf('01900000-0000-7000-8000-%012d', i) */
       /*pg '01900000-0000-7000-8000-' || lpad(CAST(i AS TEXT), 12, '0') */,
       1790000000000000 + i, 'token:test', 'test.done', 's' || i, '{"n":' || i || '}'
FROM n;

-- name: add_late
INSERT INTO audit (id, at, actor, action, subject)
VALUES ('00000000-0000-7000-8000-000000000000', 1, 'token:slow', 'test.late', 's');

-- name: change_one
UPDATE audit SET details = '{"n":99}' WHERE seq = $1;

-- name: change_hash
UPDATE audit SET hash = $2 WHERE seq = $1;

-- name: delete_one
DELETE FROM audit WHERE seq = $1;

-- name: delete_after
DELETE FROM audit WHERE seq > $1;

-- name: renumber_one
UPDATE audit SET seq = $2 WHERE seq = $1;

-- name: insert_at
INSERT INTO audit (id, at, actor, action, subject, seq, hash)
VALUES ('01900000-0000-7000-8000-999999999999', 1, 'token:mallory', 'test.done', 's', $1, $2);

-- name: hash_of
SELECT hash FROM audit WHERE seq = $1;

-- name: move_head
UPDATE audit_head SET seq = $1, hash = $2;

-- name: restore_head
UPDATE audit_head SET seq = $1, hash = $2, mac = $3;

-- name: head_mac
SELECT mac FROM audit_head;

-- name: count_sealed
SELECT count(*) FROM audit WHERE seq IS NOT NULL;

-- name: count_entries
SELECT count(*) FROM audit;
