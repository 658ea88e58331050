-- The database's clock, in microseconds.

-- name: clock_read
-- Now, not the transaction's beginning. SQLite tells milliseconds.
SELECT /*pg CAST(EXTRACT(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) */
       /*sqlite CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000 */;
