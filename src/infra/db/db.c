#include "infra/db/driver.h"

/* Catches a work function that opens a second transaction: it would wait for itself. */
static _Thread_local bool in_transaction;

struct engine {
    const char *scheme;
    const struct db_driver *driver;
    bool keeps_scheme; /* the library wants the whole url */
};

static const struct engine engines[] = {
    {"sqlite:", &db_driver_sqlite, false},
    {"postgres://", &db_driver_postgres, true},
    {"postgresql://", &db_driver_postgres, true},
};

/* "postgres://user:secret@host/db" without ":secret", and without a password=... parameter. */
static char *redact(const char *url)
{
    char *copy = strdup(url);
    BUG_ON(!copy);
    char *authority = strstr(copy, "://");
    if (authority) {
        authority += 3;
        char *host = strrchr(authority, '@');
        char *colon = host ? memchr(authority, ':', (size_t)(host - authority)) : NULL;
        if (colon)
            memmove(colon, host, strlen(host) + 1);
    }
    for (char *at = strstr(copy, "password="); at; at = strstr(at, "password=")) {
        at += strlen("password=");
        char *end = at + strcspn(at, "& ");
        memmove(at, end, strlen(end) + 1);
    }
    return copy;
}

static const struct engine *engine_for(const char *url)
{
    for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
        if (str_starts_with(str_from(url), str_from(engines[i].scheme)))
            return &engines[i];
    }
    return NULL;
}

enum err db_open(const struct db_options *options, struct db **ret_db, struct error *e)
{
    BUG_ON(!options->url || options->readers == 0);
    const struct engine *engine = engine_for(options->url);
    if (!engine)
        return error_set(e, ERR_INVALID,
                         "the database url must be sqlite:PATH or postgres://USER@HOST/NAME");

    struct error local;
    struct error *why = e ? e : &local;
    const char *address = options->url + (engine->keeps_scheme ? 0 : strlen(engine->scheme));
    struct db *db = NULL;
    TRY(engine->driver->open(options, address, &db, why));
    db->driver = engine->driver;
    db->url_redacted = redact(options->url);
    db->busy_timeout_us = options->busy_timeout_us;
    db->clock = options->clock;

    enum err rc = options->leave_schema ? OK : db_migrate(db, options, why);
    if (rc != OK) {
        db_close(db);
        return rc;
    }
    *ret_db = db;
    return OK;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    BUG_ON(in_transaction);
    free(db->url_redacted);
    db->driver->close(db);
}

enum db_engine db_engine_of(const struct db *db)
{
    return db->driver->engine;
}

const char *db_url_redacted(const struct db *db)
{
    return db->url_redacted;
}

enum err db_write(struct db *db, db_work *work, void *arg, struct error *e)
{
    BUG_ON(in_transaction);
    struct error local;
    return db->driver->write(db, false, work, arg, e ? e : &local);
}

enum err db_write_relaxed(struct db *db, db_work *work, void *arg, struct error *e)
{
    BUG_ON(in_transaction);
    struct error local;
    return db->driver->write(db, true, work, arg, e ? e : &local);
}

enum err db_read(struct db *db, db_work *work, void *arg, struct error *e)
{
    BUG_ON(in_transaction);
    struct error local;
    return db->driver->read(db, work, arg, e ? e : &local);
}

enum err db_run_work(struct db_tx *tx, db_work *work, void *arg, struct error *e)
{
    BUG_ON(in_transaction);
    in_transaction = true;
    tx->failure.code = OK;
    enum err rc = work(tx, arg, e);
    in_transaction = false;
    if (rc == OK && tx->failure.code != OK) {
        *e = tx->failure;
        rc = e->code;
    }
    return rc;
}
