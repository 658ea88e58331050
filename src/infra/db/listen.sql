-- name: notify
SELECT /*pg pg_notify($1, '') */ /*sqlite $1 */;
