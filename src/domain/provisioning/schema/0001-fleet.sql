-- The fleet-tracking application's schema. A shared database keeps every tenant's rows in the same
-- tables; a dedicated one has the same tables with one tenant in them, so that a tenant can move.
--
-- An id is never empty: the mover reads pages of rows that come after an id, from '' on.

CREATE TABLE tenants (
    customer_id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Whose place this is: only that deployment's removal deletes what is here.
    deployment_id TEXT NOT NULL,
    -- While a move copies, the tenant is read-only: its rows cannot be changed.
    fenced BIGINT NOT NULL DEFAULT 0,
    -- The newest run of a move that worked here. An older one, which lost its lease and does not
    -- know it, is refused.
    mover BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE vehicles (
    customer_id TEXT NOT NULL REFERENCES tenants (customer_id),
    id TEXT NOT NULL CHECK (id <> ''),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (customer_id, id)
);

CREATE TABLE gps_points (
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (id <> ''),
    vehicle_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    latitude BIGINT NOT NULL,  -- degrees in 1/10,000,000
    longitude BIGINT NOT NULL, -- degrees in 1/10,000,000
    speed BIGINT NOT NULL,     -- km/h in 1/10
    PRIMARY KEY (customer_id, id),
    FOREIGN KEY (customer_id, vehicle_id) REFERENCES vehicles (customer_id, id)
);

CREATE INDEX gps_points_by_time ON gps_points (customer_id, at);

-- The fence. A refused change fails with the class of a conflict (db.h).
/*sqlite
CREATE TRIGGER vehicles_fence_insert BEFORE INSERT ON vehicles
WHEN EXISTS (SELECT 1 FROM tenants WHERE customer_id IN (NEW.customer_id) AND fenced = 1)
BEGIN
    SELECT RAISE(ABORT, 'the tenant is read-only while it is moved; try again in a moment');
END;

CREATE TRIGGER vehicles_fence_update BEFORE UPDATE ON vehicles
WHEN EXISTS (SELECT 1 FROM tenants
             WHERE customer_id IN (OLD.customer_id, NEW.customer_id) AND fenced = 1)
BEGIN
    SELECT RAISE(ABORT, 'the tenant is read-only while it is moved; try again in a moment');
END;

CREATE TRIGGER vehicles_fence_delete BEFORE DELETE ON vehicles
WHEN EXISTS (SELECT 1 FROM tenants WHERE customer_id IN (OLD.customer_id) AND fenced = 1)
BEGIN
    SELECT RAISE(ABORT, 'the tenant is read-only while it is moved; try again in a moment');
END;

CREATE TRIGGER gps_points_fence_insert BEFORE INSERT ON gps_points
WHEN EXISTS (SELECT 1 FROM tenants WHERE customer_id IN (NEW.customer_id) AND fenced = 1)
BEGIN
    SELECT RAISE(ABORT, 'the tenant is read-only while it is moved; try again in a moment');
END;

CREATE TRIGGER gps_points_fence_update BEFORE UPDATE ON gps_points
WHEN EXISTS (SELECT 1 FROM tenants
             WHERE customer_id IN (OLD.customer_id, NEW.customer_id) AND fenced = 1)
BEGIN
    SELECT RAISE(ABORT, 'the tenant is read-only while it is moved; try again in a moment');
END;

CREATE TRIGGER gps_points_fence_delete BEFORE DELETE ON gps_points
WHEN EXISTS (SELECT 1 FROM tenants WHERE customer_id IN (OLD.customer_id) AND fenced = 1)
BEGIN
    SELECT RAISE(ABORT, 'the tenant is read-only while it is moved; try again in a moment');
END;
*/

-- FOR SHARE makes the fence wait for every transaction that has changed rows of the tenant and has
-- not committed yet, and makes later ones wait for the fence: none can slip under it.
/*pg
CREATE FUNCTION refuse_when_fenced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found_fence BIGINT;
BEGIN
    FOR found_fence IN
        SELECT fenced FROM tenants WHERE customer_id IN (OLD.customer_id, NEW.customer_id)
        FOR SHARE
    LOOP
        IF found_fence = 1 THEN
            RAISE EXCEPTION 'the tenant is read-only while it is moved; try again in a moment'
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER vehicles_fence BEFORE INSERT OR UPDATE OR DELETE ON vehicles
FOR EACH ROW EXECUTE FUNCTION refuse_when_fenced();

CREATE TRIGGER gps_points_fence BEFORE INSERT OR UPDATE OR DELETE ON gps_points
FOR EACH ROW EXECUTE FUNCTION refuse_when_fenced();
*/
