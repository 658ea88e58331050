-- Hosts get a life of their own: regions, measured load, reserves, draining, an end.

-- Customers are placed by region; within it a location is what the demand named first.
ALTER TABLE hosts ADD COLUMN region TEXT NOT NULL DEFAULT '';
-- The location whose demand the host was ordered for. It stands elsewhere in the region when that
-- location had no server to sell, and still counts for this one: its reserve, its hosts_max.
ALTER TABLE hosts ADD COLUMN serves TEXT NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN choice BIGINT NOT NULL DEFAULT 0; -- which location of the region
ALTER TABLE hosts ADD COLUMN rounds BIGINT NOT NULL DEFAULT 0; -- how often all were sold out
ALTER TABLE hosts ADD COLUMN actions TEXT;       -- what the order set going at the provider
ALTER TABLE hosts ADD COLUMN load BIGINT;        -- share of its CPUs in use, in 1/10000
ALTER TABLE hosts ADD COLUMN load_at BIGINT;     -- when that was measured
ALTER TABLE hosts ADD COLUMN empty_since BIGINT; -- NULL while it holds anybody
ALTER TABLE hosts ADD COLUMN failed_at BIGINT;
ALTER TABLE hosts ADD COLUMN retired_at BIGINT;

UPDATE hosts SET serves = location,
    region = CASE WHEN location IN ('fsn1', 'nbg1', 'hel1') THEN 'EU'
                  WHEN location IN ('ash', 'hil') THEN 'US'
                  WHEN location = 'sin' THEN 'APAC' ELSE location END,
    empty_since = CASE WHEN slots_used = 0 THEN created_at END,
    failed_at = CASE WHEN status = 'failed' THEN created_at END;

DROP INDEX hosts_by_location;
CREATE INDEX hosts_by_region ON hosts (region, status);
CREATE INDEX hosts_by_demand ON hosts (serves, status);
CREATE INDEX hosts_by_status ON hosts (status, id);

-- Whoever was waiting for a server did its host's work until now: the host needs a job of its own.
INSERT INTO jobs (queue, worker, state, priority, args, attempt, max_attempts, snoozes,
                  inserted_at, scheduled_at, unique_key, live_key)
SELECT 'provisioning', 'HetznerHostWorker', 'available', 0, '{"host_id":"' || id || '"}', 0, 3, 0,
       created_at, created_at, 'host:' || id, 'host:' || id
FROM hosts WHERE status = 'creating';
