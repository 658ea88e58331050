/*
 * A customer's data as one file: CUSTOMER-ID.tar.gz with a TABLE.ndjson for each table of the
 * tenant's place, a row a line, and manifest.json, which says how many rows each has and its
 * SHA-256.
 *
 * All tables are read in one transaction, so they belong together; it ends before anything is
 * compressed. Memory is bounded: rows go to unlinked files beside the result, one a table. The
 * result is made under another name and renamed when it is on disk, so that whoever opens it finds
 * a whole one, this or the one before. It has mode 0600.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_EXPORT_FILE_H
#define WEBHOST_DOMAIN_ACCOUNTS_EXPORT_FILE_H

#include "domain/provisioning/tenant.h"
#include "infra/secrets/secret.h"

#define EXPORT_TABLES      3
#define EXPORT_COLUMNS_MAX 16

struct export_source {
    struct tenant_stores *stores;
    const char *database_url;
    const char *customer_id, *slug, *name;
    const char *directory; /* made, with mode 0700, if it is not there */
    int64_t now;
};

struct export_result {
    int64_t rows, bytes; /* bytes of the file */
    char sha256[HASH_TEXT_MAX];
};

/* ERR_NOT_FOUND when the tenant is not in that database; an export made before is left alone. */
enum err export_file_write(const struct export_source *source, struct arena *arena,
                           struct export_result *ret, struct error *e);

/* DIRECTORY/CUSTOMER-ID.tar.gz in the arena. */
const char *export_file_path(const char *directory, const char *customer_id, struct arena *arena);

/* Opens it for reading; ERR_NOT_FOUND when there is none. The caller closes the descriptor. */
enum err export_file_open(const char *directory, const char *customer_id, struct arena *arena,
                          int *ret_fd, int64_t *ret_size, struct error *e);

/*
 * Deletes exports in the directory that were made before `before`, and what runs that died left
 * behind a day ago. A directory that does not exist is OK.
 */
enum err export_files_prune(const char *directory, int64_t before, int64_t now,
                            int64_t *ret_deleted, struct error *e);

/* A table, and its columns in the order in which the query gives them; for the test that compares
 * them with the schema. */
struct export_table {
    const char *name;
    const struct db_query *rows; /* $1: the customer */
    const char *columns[EXPORT_COLUMNS_MAX];
};

extern const struct export_table export_tables[EXPORT_TABLES];

#endif
