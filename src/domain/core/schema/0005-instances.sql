-- What a dedicated instance knows of each thing it owns.

ALTER TABLE resources ADD COLUMN slot TEXT NOT NULL DEFAULT ''; -- what it is for: app-1, database
ALTER TABLE resources ADD COLUMN size TEXT; -- what was ordered
ALTER TABLE resources ADD COLUMN error TEXT; -- why it was given up
ALTER TABLE resources ADD COLUMN asked_at BIGINT; -- NULL: not asked for, or refused
ALTER TABLE resources ADD COLUMN started_at BIGINT; -- since when it has been in use
-- What the cloud said when it was looked at last.
ALTER TABLE resources ADD COLUMN state TEXT;
ALTER TABLE resources ADD COLUMN health TEXT;
ALTER TABLE resources ADD COLUMN checked_at BIGINT;
ALTER TABLE resources ADD COLUMN restarts BIGINT NOT NULL DEFAULT 0; -- of the last hour
ALTER TABLE resources ADD COLUMN restarted_at BIGINT;

UPDATE resources SET asked_at = created_at, started_at = created_at, slot = CASE
    WHEN kind IN ('database_volume', 'database_machine') THEN 'database'
    WHEN kind = 'volume' THEN replace(name, 'app_data_', 'app-')
    WHEN kind = 'machine' AND name LIKE '%-app-2-' || region THEN 'app-2'
    WHEN kind = 'machine' THEN 'app-1'
    ELSE kind END;

CREATE INDEX resources_by_health ON resources (health) WHERE health IS NOT NULL;

-- A deployment's plan and regions are what it should have. While scaling is 1 they are not what it
-- has yet; scale_error is why a job gave up bringing it there.
ALTER TABLE deployments ADD COLUMN scaling BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deployments ADD COLUMN scale_error TEXT;
