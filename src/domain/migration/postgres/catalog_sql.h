/*
 * The queries of catalog.c. Each names the oid of a table first and is sorted by it; our_tables is
 * the condition that all share, on pg_class c and pg_namespace n.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_CATALOG_SQL_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_CATALOG_SQL_H

/* What PostgreSQL, an extension or a move has made is nobody's data. */
#define NOT_FOREIGN                                                                                \
    "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"                            \
    " AND n.nspname NOT LIKE 'webhost\\_move\\_%'"                                                 \
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass"              \
    " AND d.objid = c.oid AND d.deptype = 'e')"

/* A partition belongs to its table. tenants and schema_migrations are WebHost's. */
#define OUR_TABLES                                                                                 \
    "c.relkind IN ('r', 'p') AND NOT c.relispartition AND " NOT_FOREIGN                            \
    " AND NOT (n.nspname = 'public' AND c.relname IN ('tenants', 'schema_migrations'))"

#define FROM_OUR_TABLES                                                                            \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND " OUR_TABLES " "

static const char catalog_tables_sql[] =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident,"
    " (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
    "  WHERE a.attrelid = c.oid AND a.attname = $1 AND a.attnum > 0 AND NOT a.attisdropped),"
    " size.rows::bigint, size.bytes::bigint,"
    /* In the order of how little they tell of a row: nothing, an index, the primary key, all. */
    " coalesce((SELECT substr('nidf', min(strpos('nidf', l.relreplident::text)), 1)"
    "  FROM pg_partition_tree(c.oid) JOIN pg_class l ON l.oid = relid WHERE isleaf),"
    "  c.relreplident::text)" FROM_OUR_TABLES
    " CROSS JOIN LATERAL (SELECT coalesce(sum(greatest(p.reltuples, 0)), 0) AS rows,"
    "  coalesce(sum(pg_table_size(p.oid)), 0) AS bytes"
    "  FROM (SELECT c.oid AS part WHERE c.relkind = 'r' UNION ALL"
    "   SELECT relid FROM pg_partition_tree(c.oid) WHERE c.relkind = 'p' AND isleaf) parts"
    "  JOIN pg_class p ON p.oid = parts.part) size"
    " ORDER BY c.oid";

static const char catalog_columns_sql[] =
    "SELECT c.oid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    " a.attgenerated <> '', a.attidentity <> '',"
    " pg_get_expr(d.adbin, d.adrelid)" FROM_OUR_TABLES
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " ORDER BY c.oid, a.attnum";

static const char catalog_keys_sql[] =
    "SELECT c.oid, a.attname" FROM_OUR_TABLES
    " JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
    " CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum"
    " WHERE k.place <= i.indnkeyatts ORDER BY c.oid, k.place";

/* The primary key first; an exclusion constraint's index is not one of ours to build. */
static const char catalog_indexes_sql[] =
    "SELECT c.oid, xn.nspname, x.relname, pg_get_indexdef(x.oid), pg_get_constraintdef(k.oid),"
    " i.indisprimary" FROM_OUR_TABLES
    " JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid"
    " JOIN pg_namespace xn ON xn.oid = x.relnamespace"
    " LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.conrelid = c.oid"
    "  AND k.contype IN ('p', 'u', 'x')"
    " ORDER BY c.oid, i.indisprimary DESC, x.relname";

static const char catalog_foreign_keys_sql[] =
    "SELECT c.oid, k.conname, pg_get_constraintdef(k.oid), rn.nspname, r.relname" FROM_OUR_TABLES
    " JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0"
    " JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace"
    " ORDER BY c.oid, k.conname";

/* What the move itself adds is not a change of the schema. */
static const char catalog_rules_sql[] =
    "SELECT oid, text FROM (SELECT c.oid, k.conname AS name,"
    "  format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)) AS text" FROM_OUR_TABLES
    "  JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c'"
    " UNION ALL SELECT c.oid, t.tgname, pg_get_triggerdef(t.oid)" FROM_OUR_TABLES
    "  JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal"
    "  AND t.tgname NOT LIKE 'zz\\_webhost\\_%') found"
    " ORDER BY oid, name, text";

static const char catalog_sequences_sql[] =
    "SELECT n.nspname, c.relname, tn.nspname, t.relname, q.seqincrement, q.seqmin, q.seqmax,"
    " format_type(q.seqtypid, NULL)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    "  AND c.relkind = 'S' AND " NOT_FOREIGN " JOIN pg_sequence q ON q.seqrelid = c.oid"
    " LEFT JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid"
    "  AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i')"
    " LEFT JOIN pg_class t ON t.oid = o.refobjid"
    " LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace"
    " ORDER BY n.nspname, c.relname";

#endif
