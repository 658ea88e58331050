-- Which servers and apps have a database (cluster.h).

-- name: database_names
SELECT name FROM hetzner_servers WHERE gone_at IS NULL
UNION
SELECT name FROM fly_apps;
