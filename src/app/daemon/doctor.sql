-- What an engine says about itself. What only one of them has is NULL for the other.

-- name: doctor_facts
/*sqlite
SELECT sqlite_version() AS version,
       CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER) AS now,
       (SELECT journal_mode FROM pragma_journal_mode) AS journal,
       (SELECT quick_check FROM pragma_quick_check LIMIT 1) AS damage,
       NULL AS commits, NULL AS connections_max, NULL AS connections
*/
/*pg
SELECT current_setting('server_version') AS version,
       CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now,
       NULL AS journal, NULL AS damage, current_setting('synchronous_commit') AS commits,
       CAST(current_setting('max_connections') AS BIGINT) AS connections_max,
       (SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL) AS connections
*/;

-- name: doctor_schema
SELECT name FROM schema_migrations ORDER BY name DESC LIMIT 1;
