-- The record of which schema files were applied, and the lock under which that happens.

-- name: migrations_fresh
-- Statements after the wait for the lock must see what its last holder committed.
/*pg SET TRANSACTION ISOLATION LEVEL READ COMMITTED */ /*sqlite SELECT 1 */;

-- name: migrations_lock
-- SQLite needs nothing: a writing transaction is alone. The number means nothing but "this lock".
SELECT /*pg pg_advisory_xact_lock(7310579862461239) */ /*sqlite 1 */;

-- name: migrations_create
CREATE TABLE IF NOT EXISTS schema_migrations (
    name       TEXT /*pg COLLATE "C" */ NOT NULL PRIMARY KEY,
    applied_at BIGINT NOT NULL
);

-- name: migrations_applied
SELECT name
  FROM schema_migrations
 ORDER BY name;

-- name: migrations_record
INSERT INTO schema_migrations (name, applied_at)
VALUES ($1, $2);
