-- A schema file may have text with ; and comments, and several statements.
CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL,
    note  TEXT   NOT NULL DEFAULT ';--'
);

INSERT INTO counters (name, value) VALUES ('a', 0), ('b', 0);
