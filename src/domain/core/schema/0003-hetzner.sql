-- What follows from the installation's key, so that a node with another key is noticed.
CREATE TABLE key_check (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    value TEXT NOT NULL
);
