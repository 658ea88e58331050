CREATE TABLE owners (
    id TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE things (
    id        TEXT   NOT NULL PRIMARY KEY,
    slug      TEXT   NOT NULL UNIQUE,
    owner_id  TEXT   REFERENCES owners (id),
    size      BIGINT CHECK (size >= 0),
    price     BIGINT,
    sold      BIGINT,
    made_at   BIGINT,
    colour    TEXT,
    tags      TEXT,
    extra     TEXT
);
