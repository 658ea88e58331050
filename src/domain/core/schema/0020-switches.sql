-- When moves switched, or ended without: what is told of how long they took goes by that.
CREATE INDEX migrations_by_switch ON migrations (COALESCE(switched_at, finished_at));

-- What was approved is kept with the move; those that began before it was are caught up on.
UPDATE migrations
SET proposal_id = (SELECT min(q.id) FROM proposals q WHERE q.migration_id = migrations.id)
WHERE proposal_id IS NULL;
