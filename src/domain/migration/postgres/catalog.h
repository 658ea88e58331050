/*
 * What the catalogs of a database say of the tables that a move is about.
 *
 * A tenant's tables are those with the tenant column; tables without it are reference data. Tables
 * of WebHost's own (tenants, schema_migrations, and what a move makes in its schema) and of
 * extensions are left out. Views, functions and types are not data: they are the schema's.
 *
 * A partitioned table stands for its partitions, which are not listed. A table that inherits is one
 * of its own: what reads or deletes a table's rows names it as `from` says.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_CATALOG_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_CATALOG_H

#include "base/record.h"
#include "infra/pg/session.h"

struct pg_column {
    const char *name, *type; /* type as format_type() writes it */
    const char *expression;  /* its default, or what generates it; NULL: none */
    bool not_null, generated, identity;
};

struct pg_index {
    const char *schema, *name, *definition; /* pg_get_indexdef() */
    const char *constraint; /* its constraint's definition, PRIMARY KEY or UNIQUE; NULL: none */
    bool primary;
};

struct pg_foreign_key {
    const char *name, *definition; /* pg_get_constraintdef() */
    const char *refers_to;         /* the label of the table */
};

struct pg_table {
    const char *schema, *name;
    const char *sql;   /* quoted, "public"."gps points" */
    const char *from;  /* its own rows: ONLY "public"."gps points", or as above when partitioned */
    const char *label; /* for people: "gps_points", "billing.invoices" */
    int64_t oid;
    struct records columns;      /* struct pg_column, by position; generated ones are not copied */
    const char *column_list;     /* quoted, what is copied, joined by ", " */
    struct texts key;            /* the primary key's columns, in order; none: there is none */
    const char *tenant_type;     /* of the tenant column; NULL: reference data */
    struct records indexes;      /* struct pg_index, the primary key first */
    struct records foreign_keys; /* struct pg_foreign_key */
    struct texts rules;          /* check constraints and triggers, as definitions, by name */
    bool partitioned;
    char persistence;      /* 'p', 'u' */
    char replica_identity; /* 'd', 'n', 'f', 'i' */
    char sent_by;          /* the same of its partitions, which are what the log is about: the least
                              that one of them has. Its own when it has none */
    int64_t rows, bytes;   /* of the whole table, as the server estimates */
};

struct pg_sequence {
    const char *sql, *label;
    const char *owner_table; /* quoted; NULL: none */
    int64_t increment, min, max;
    const char *type;
};

struct pg_catalog {
    struct records tables;    /* struct pg_table: tables come after those that they refer to */
    struct records sequences; /* struct pg_sequence */
    const char *sha256;       /* of all that is above but the estimates */
};

/* Whether all that is hashed of them is equal. */
bool pg_tables_equal(const struct pg_table *a, const struct pg_table *b);

#define PG_TABLES_MAX 10000

/* ERR_TOO_LARGE for a database with more tables. */
enum err pg_catalog_read(struct pg_session *s, const char *tenant_column, struct arena *arena,
                         struct pg_catalog *ret, struct error *e);

/*
 * DDL during a move: ERR_CONFLICT when the catalog is not what `sha256` was made of, with the name
 * of what changed when `before` (may be NULL) tells it.
 */
enum err pg_catalog_check(struct pg_session *s, const char *tenant_column, const char *sha256,
                          const struct pg_catalog *before, struct error *e);

/* NULL when there is none of that label. */
const struct pg_table *pg_catalog_table(const struct pg_catalog *c, const char *label);

#endif
