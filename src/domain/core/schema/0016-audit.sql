-- The audit record becomes a chain (audit/chain.h). An entry gets its place after it was committed;
-- those that are there already get theirs with the first sealing, in the order of their ids.
ALTER TABLE audit ADD COLUMN seq BIGINT; -- NULL: not sealed yet
ALTER TABLE audit ADD COLUMN hash TEXT;  -- SHA-256 in hex over the hash before and the entry

CREATE UNIQUE INDEX audit_by_seq ON audit (seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_unsealed ON audit (id) WHERE seq IS NULL;
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_subject ON audit (subject, id);

-- One row. Whoever seals or prunes holds it.
CREATE TABLE audit_head (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL,  -- of the last entry that was sealed; 0: none
    hash TEXT NOT NULL,   -- its hash
    first_seq BIGINT NOT NULL, -- of the last entry that was pruned; 0: none
    first_hash TEXT NOT NULL,  -- its hash, on which the oldest that is left follows
    broken_seq BIGINT,    -- where sealing found a head that nobody with the key had written
    sealed_at BIGINT,
    mac TEXT              -- of all this but the time, under the installation's key; NULL: new
);

INSERT INTO audit_head (one, seq, hash, first_seq, first_hash) VALUES (
    1,
    0, '0000000000000000000000000000000000000000000000000000000000000000',
    0, '0000000000000000000000000000000000000000000000000000000000000000'
);
