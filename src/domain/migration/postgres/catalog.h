/*
 * What the catalogs of a database say of the tables that a move is about.
 *
 * A tenant's tables are those with the tenant column; tables without it are reference data. Tables
 * of WebHost's own (tenants, schema_migrations, and what a move makes in its schema) and of
 * extensions are left out. Views, functions and types are not data: they are the schema's.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_CATALOG_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_CATALOG_H

#include "base/record.h"
#include "infra/pg/session.h"

struct pg_column {
    const char *name, *type; /* type as format_type() writes it */
    bool not_null, generated, identity;
};

struct pg_index {
    const char *schema, *name, *definition; /* pg_get_indexdef() */
    const char *constraint; /* its constraint's definition, PRIMARY KEY or UNIQUE; NULL: none */
    bool primary;
};

struct pg_foreign_key {
    const char *name, *definition; /* pg_get_constraintdef() */
};

struct pg_table {
    const char *schema, *name;
    const char *sql;   /* quoted, "public"."gps points" */
    const char *label; /* for people: "gps_points", "billing.invoices" */
    int64_t oid;
    struct records columns;      /* struct pg_column, by position; generated ones are not copied */
    const char *column_list;     /* quoted, what is copied, joined by ", " */
    struct texts key;            /* the primary key's columns, in order; none: there is none */
    const char *tenant_type;     /* of the tenant column; NULL: reference data */
    struct records indexes;      /* struct pg_index, the primary key first */
    struct records foreign_keys; /* struct pg_foreign_key */
    char persistence;            /* 'p', 'u' */
    char replica_identity;       /* 'd', 'n', 'f', 'i' */
    int64_t rows, bytes;         /* of the whole table, as the server estimates */
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

enum err pg_catalog_read(struct pg_session *s, const char *tenant_column, struct arena *arena,
                         struct pg_catalog *ret, struct error *e);

/* NULL when there is none of that label. */
const struct pg_table *pg_catalog_table(const struct pg_catalog *c, const char *label);

#endif
