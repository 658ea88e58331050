-- What a move of a tenant between SQLite files needs on each of its two sides: the tenant's mark
-- while a move is about, and a list of the rows that changed since they were copied. PostgreSQL's
-- own replication does that; there is nothing to make.
/*pg COMMENT ON TABLE tenants IS 'the place of each tenant in this database' */

/*sqlite
CREATE TABLE tenant_moves (
    customer_id TEXT PRIMARY KEY REFERENCES tenants (customer_id) ON DELETE CASCADE,
    move_id TEXT NOT NULL,
    -- The tenant's changes here are listed: this side is the one that is written, or was the last.
    captures BIGINT NOT NULL,
    -- All rows of the tenant are here, up to what the list of the other side says.
    complete BIGINT NOT NULL,
    -- The last entry of the other side's list that was applied here.
    applied BIGINT NOT NULL DEFAULT 0,
    -- How far the copy is: all tables before this one, and this one up to that id.
    copy_table BIGINT NOT NULL DEFAULT 0,
    copy_after TEXT NOT NULL DEFAULT '',
    copy_rows BIGINT NOT NULL DEFAULT 0,
    copy_bytes BIGINT NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- One entry for each row that changed, its last change: no longer than the tenant has, or had,
-- rows. A number is never given twice, also after the entry is gone.
CREATE TABLE tenant_changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id TEXT NOT NULL REFERENCES tenant_moves (customer_id) ON DELETE CASCADE,
    table_name TEXT NOT NULL,
    id TEXT NOT NULL
);

CREATE INDEX tenant_changes_by_customer ON tenant_changes (customer_id);
CREATE UNIQUE INDEX tenant_changes_by_row ON tenant_changes (customer_id, table_name, id);

CREATE TRIGGER tenants_capture_update AFTER UPDATE OF slug, name, created_at ON tenants
WHEN EXISTS (SELECT 1 FROM tenant_moves WHERE customer_id = NEW.customer_id AND captures = 1)
BEGIN
    DELETE FROM tenant_changes
    WHERE customer_id = NEW.customer_id AND table_name = 'tenants' AND id = NEW.customer_id;
    INSERT INTO tenant_changes (customer_id, table_name, id)
    VALUES (NEW.customer_id, 'tenants', NEW.customer_id);
END;

CREATE TRIGGER vehicles_capture_insert AFTER INSERT ON vehicles
WHEN EXISTS (SELECT 1 FROM tenant_moves WHERE customer_id = NEW.customer_id AND captures = 1)
BEGIN
    DELETE FROM tenant_changes
    WHERE customer_id = NEW.customer_id AND table_name = 'vehicles' AND id = NEW.id;
    INSERT INTO tenant_changes (customer_id, table_name, id)
    VALUES (NEW.customer_id, 'vehicles', NEW.id);
END;

CREATE TRIGGER vehicles_capture_update AFTER UPDATE ON vehicles
WHEN EXISTS (SELECT 1 FROM tenant_moves
             WHERE customer_id IN (OLD.customer_id, NEW.customer_id) AND captures = 1)
BEGIN
    DELETE FROM tenant_changes
    WHERE customer_id = OLD.customer_id AND table_name = 'vehicles' AND id = OLD.id;
    DELETE FROM tenant_changes
    WHERE customer_id = NEW.customer_id AND table_name = 'vehicles' AND id = NEW.id;
    INSERT INTO tenant_changes (customer_id, table_name, id)
    SELECT customer_id, 'vehicles', OLD.id FROM tenant_moves
    WHERE customer_id = OLD.customer_id AND captures = 1
    UNION
    SELECT customer_id, 'vehicles', NEW.id FROM tenant_moves
    WHERE customer_id = NEW.customer_id AND captures = 1;
END;

CREATE TRIGGER vehicles_capture_delete AFTER DELETE ON vehicles
WHEN EXISTS (SELECT 1 FROM tenant_moves WHERE customer_id = OLD.customer_id AND captures = 1)
BEGIN
    DELETE FROM tenant_changes
    WHERE customer_id = OLD.customer_id AND table_name = 'vehicles' AND id = OLD.id;
    INSERT INTO tenant_changes (customer_id, table_name, id)
    VALUES (OLD.customer_id, 'vehicles', OLD.id);
END;

CREATE TRIGGER gps_points_capture_insert AFTER INSERT ON gps_points
WHEN EXISTS (SELECT 1 FROM tenant_moves WHERE customer_id = NEW.customer_id AND captures = 1)
BEGIN
    DELETE FROM tenant_changes
    WHERE customer_id = NEW.customer_id AND table_name = 'gps_points' AND id = NEW.id;
    INSERT INTO tenant_changes (customer_id, table_name, id)
    VALUES (NEW.customer_id, 'gps_points', NEW.id);
END;

CREATE TRIGGER gps_points_capture_update AFTER UPDATE ON gps_points
WHEN EXISTS (SELECT 1 FROM tenant_moves
             WHERE customer_id IN (OLD.customer_id, NEW.customer_id) AND captures = 1)
BEGIN
    DELETE FROM tenant_changes
    WHERE customer_id = OLD.customer_id AND table_name = 'gps_points' AND id = OLD.id;
    DELETE FROM tenant_changes
    WHERE customer_id = NEW.customer_id AND table_name = 'gps_points' AND id = NEW.id;
    INSERT INTO tenant_changes (customer_id, table_name, id)
    SELECT customer_id, 'gps_points', OLD.id FROM tenant_moves
    WHERE customer_id = OLD.customer_id AND captures = 1
    UNION
    SELECT customer_id, 'gps_points', NEW.id FROM tenant_moves
    WHERE customer_id = NEW.customer_id AND captures = 1;
END;

CREATE TRIGGER gps_points_capture_delete AFTER DELETE ON gps_points
WHEN EXISTS (SELECT 1 FROM tenant_moves WHERE customer_id = OLD.customer_id AND captures = 1)
BEGIN
    DELETE FROM tenant_changes
    WHERE customer_id = OLD.customer_id AND table_name = 'gps_points' AND id = OLD.id;
    INSERT INTO tenant_changes (customer_id, table_name, id)
    VALUES (OLD.customer_id, 'gps_points', OLD.id);
END;

-- What a mover copies of the place itself is held by the fence too.
CREATE TRIGGER tenants_fence_update BEFORE UPDATE OF slug, name, created_at ON tenants
WHEN OLD.fenced = 1
BEGIN
    SELECT RAISE(ABORT, 'the tenant is read-only while it is moved; try again in a moment');
END;
*/
