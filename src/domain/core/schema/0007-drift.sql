-- What the clouds hold and the database does not, and the other way round.

-- One row for each difference, for as long as it is seen.
CREATE TABLE drift (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL, -- missing, orphan, changed, foreign
    provider TEXT NOT NULL,
    thing TEXT NOT NULL, -- server, volume, app, machine, ...
    provider_id TEXT NOT NULL,
    name TEXT,
    app TEXT NOT NULL, -- the Fly app that it is in; '' for others
    owner TEXT, -- the host or deployment that it should belong to
    expected TEXT NOT NULL,
    found TEXT NOT NULL,
    cleanable BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    sightings BIGINT NOT NULL,
    UNIQUE (provider, kind, thing, app, provider_id)
);

CREATE INDEX drift_by_kind ON drift (kind);
CREATE INDEX drift_by_sight ON drift (provider, last_seen);
