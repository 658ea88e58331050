#include "domain/provisioning/pgbouncer.h"

#include "base/log.h"
#include "domain/provisioning/alias_file.h"
#include "domain/provisioning/routing.h"
#include "domain/provisioning/tenant.h"
#include "infra/pg/console.h"
#include "infra/pg/session.h"
#include "infra/pg/url.h"

#include <pthread.h>

#define IDLE_MAX         4 /* consoles kept open, of each PgBouncer */
#define RESUME_AGAIN_US  USEC_PER_SEC
#define SYNC_DEADLINE_US (10 * USEC_PER_SEC)
#define FILE_WAIT_US     (USEC_PER_SEC / 2) /* for the file's lock, when a line is changed */
#define ADMIN_DATABASE   "pgbouncer"

const char *const pgbouncer_login_names[] = {"database", "client", NULL};

const struct field pgbouncer_settings_fields[] = {
    {"databases_file", FIELD_TEXT, offsetof(struct pgbouncer_settings, databases_file)},
    {"admin_urls", FIELD_TEXTS, offsetof(struct pgbouncer_settings, admin_urls), .min = 0,
     .max = POOLERS_MAX},
    {"login", FIELD_ENUM, offsetof(struct pgbouncer_settings, login),
     .names = pgbouncer_login_names},
    {"passwords", FIELD_BOOL, offsetof(struct pgbouncer_settings, passwords)},
    FIELD_END,
};

struct pooler {
    const char *url;
    struct pg_console *idle[IDLE_MAX];
    size_t idle_count;
};

struct pgbouncer {
    struct mover_router router; /* first: what movers have is this */
    const struct pgbouncer_settings *settings;
    const struct secret *key;
    struct tenant_stores *stores; /* puts passwords into urls */
    struct arena arena;           /* of the spec */
    pthread_mutex_t lock;         /* guards what follows; never held while anybody is asked */
    struct pooler poolers[POOLERS_MAX];
    size_t count;
    bool reload_due;
};

/* -- consoles --------------------------------------------------------------------------------- */

static struct pg_console *take_idle(struct pgbouncer *p, size_t i)
{
    struct pg_console *console = NULL;
    (void)pthread_mutex_lock(&p->lock);
    if (p->poolers[i].idle_count > 0)
        console = p->poolers[i].idle[--p->poolers[i].idle_count];
    (void)pthread_mutex_unlock(&p->lock);
    return console;
}

static enum err console_take(struct pgbouncer *p, size_t i, int64_t deadline_us,
                             struct pg_console **ret, struct error *e)
{
    struct pg_console *console;
    while ((console = take_idle(p, i))) {
        if (pg_console_is_usable(console)) {
            *ret = console;
            return OK;
        }
        pg_console_close(console); /* its PgBouncer was started anew */
    }
    return pg_console_open(p->poolers[i].url, deadline_us, ret, e);
}

static void console_put(struct pgbouncer *p, size_t i, struct pg_console *console)
{
    if (!console)
        return;
    (void)pthread_mutex_lock(&p->lock);
    struct pooler *pooler = &p->poolers[i];
    bool keep = pg_console_is_usable(console) && pooler->idle_count < IDLE_MAX;
    if (keep)
        pooler->idle[pooler->idle_count++] = console;
    (void)pthread_mutex_unlock(&p->lock);
    if (!keep)
        pg_console_close(console);
}

/* One of each PgBouncer. */
struct consoles {
    struct pgbouncer *p;
    struct pg_console *items[POOLERS_MAX];
};

static void put_all(struct consoles *all)
{
    for (size_t i = 0; i < all->p->count; i++)
        console_put(all->p, i, all->items[i]);
}

static enum err take_all(struct pgbouncer *p, int64_t deadline_us, struct consoles *ret,
                         struct error *e)
{
    *ret = (struct consoles){.p = p};
    for (size_t i = 0; i < p->count; i++) {
        enum err err = console_take(p, i, deadline_us, &ret->items[i], e);
        if (err != OK) {
            put_all(ret);
            return err;
        }
    }
    return OK;
}

/* Nothing is begun behind its deadline: somebody else may be at it then. */
static enum err check_time(int64_t deadline_us, struct error *e)
{
    return monotonic_us() < deadline_us
               ? OK
               : error_set(e, ERR_TIMEOUT, "there was no time left for PgBouncer");
}

/* Tells all at once, and hears all out; the first failure counts. `ret_which` is whose it is. */
static enum err tell_all(struct consoles *all, const char *command, int64_t deadline_us,
                         size_t *ret_which, struct error *e)
{
    enum err first = OK, sent[POOLERS_MAX];
    struct error later, *into = e;
    *ret_which = 0;
    TRY(check_time(deadline_us, e));
    for (size_t i = 0; i < all->p->count; i++) {
        sent[i] = pg_console_send(all->items[i], command, into);
        if (sent[i] != OK && first == OK) {
            first = sent[i];
            *ret_which = i;
            into = &later;
        }
    }
    for (size_t i = 0; i < all->p->count; i++) {
        if (sent[i] != OK)
            continue;
        enum err err = pg_console_take(all->items[i], deadline_us, NULL, NULL, into);
        if (err != OK && first == OK) {
            first = err;
            *ret_which = i;
            into = &later;
        }
    }
    return first;
}

/* The alias' row of SHOW DATABASES; `*ret_row` is the table's count when it is not there. */
static enum err look_up(struct pg_console *console, const char *alias, int64_t deadline_us,
                        struct arena *arena, struct pg_table *ret, size_t *ret_row, struct error *e)
{
    TRY(pg_console_run(console, "SHOW DATABASES", deadline_us, arena, ret, e));
    size_t row = 0;
    while (row < ret->count) {
        const char *name = pg_table_cell(ret, row, "name");
        if (name && text_eq(name, alias))
            break;
        row++;
    }
    *ret_row = row;
    return OK;
}

/* -- resume ----------------------------------------------------------------------------------- */

static bool is_waiting(const struct pg_table *table, size_t row)
{
    const char *paused = row < table->count ? pg_table_cell(table, row, "paused") : NULL;
    return paused && !text_eq(paused, "0");
}

/* What is not paused is refused; then nobody waits, which is what is wanted. */
static enum err resume_one(struct pg_console *console, const char *alias, int64_t deadline_us,
                           struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *command = arena_printf(&arena, "RESUME %s", pg_name(&arena, alias));
    struct pg_table table;
    struct error ignored;
    size_t row;
    TRY(check_time(deadline_us, e));
    enum err err = pg_console_run(console, command, deadline_us, NULL, NULL, e);
    if (err != ERR_CONFLICT ||
        look_up(console, alias, deadline_us, &arena, &table, &row, &ignored) != OK)
        return err;
    return is_waiting(&table, row) ? err : OK;
}

static enum err resume_all(struct pgbouncer *p, const char *alias, int64_t deadline_us,
                           struct error *e)
{
    enum err first = OK;
    struct error later, *into = e;
    for (size_t i = 0; i < p->count; i++) {
        struct pg_console *console = NULL;
        enum err err = console_take(p, i, deadline_us, &console, into);
        if (err == OK)
            err = resume_one(console, alias, deadline_us, into);
        console_put(p, i, console);
        if (err != OK && first == OK) {
            first = err;
            into = &later;
        }
    }
    return first;
}

static struct pgbouncer *of(const struct mover_router *router)
{
    return (struct pgbouncer *)(uintptr_t)router;
}

static enum err resume(const struct mover_router *self, const char *slug, int64_t deadline_us,
                       struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    return resume_all(of(self), route_alias(slug, &arena), deadline_us, e);
}

/* -- pause ------------------------------------------------------------------------------------ */

/* Says what can be done about an alias that a PgBouncer does not know. */
static enum err explain(struct pgbouncer *p, struct pg_console *console, const char *alias,
                        int64_t deadline_us, enum err err, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_table table;
    struct error ignored;
    size_t row;
    if (err != ERR_CONFLICT ||
        look_up(console, alias, deadline_us, &arena, &table, &row, &ignored) != OK ||
        row < table.count)
        return err;
    return error_set(e, ERR_NOT_FOUND,
                     "%s does not know %s: its configuration must include %s, and nothing behind "
                     "it may be wrong there (see its log)",
                     pg_console_place(console), alias, p->settings->databases_file);
}

static enum err pause_clients(const struct mover_router *self, const char *slug,
                              int64_t deadline_us, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pgbouncer *p = of(self);
    const char *alias = route_alias(slug, &arena);
    const char *command = arena_printf(&arena, "PAUSE %s", pg_name(&arena, alias));
    struct consoles all;
    struct error ignored;
    size_t which = 0;
    TRY(take_all(p, deadline_us, &all, e));
    enum err err = tell_all(&all, command, deadline_us, &which, e);
    if (err == ERR_TIMEOUT)
        (void)error_set(e, err, "a transaction of %s went on for longer than there was time: %s",
                        slug, pg_console_place(all.items[which]));
    else if (err != OK)
        err = explain(p, all.items[which], alias, deadline_us, err, e);
    put_all(&all);
    if (err != OK) /* a PAUSE that was asked for holds, answered or not */
        (void)resume_all(p, alias, monotonic_us() + RESUME_AGAIN_US, &ignored);
    return err;
}

/* -- point ------------------------------------------------------------------------------------ */

/* What the file says of the database at `url`. */
static enum err target_of(const struct pgbouncer *p, const char *url, struct arena *arena,
                          struct alias_target *ret, struct error *e)
{
    const char *clear;
    struct pg_place place;
    if (str_starts_with(str_from(url), STR("sqlite:")))
        return error_set(e, ERR_INVALID, "PgBouncer leads to PostgreSQL only, not to %s", url);
    TRY(tenant_store_url(p->stores, url, arena, &clear, e));
    TRY(pg_url_parse(clear, arena, &place, e));
    bool ours = p->settings->login == LOGIN_DATABASE;
    *ret = (struct alias_target){
        .host = place.host,
        .port = place.port,
        .dbname = place.dbname,
        .user = ours ? place.user : NULL,
        .password = ours && p->settings->passwords ? place.password : NULL,
    };
    return OK;
}

static enum err change_line(const struct pgbouncer *p, const char *alias, const char *target,
                            struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_buf_ struct buf out = BUF_INIT(ALIAS_FILE_MAX);
    const char *old, *path = p->settings->databases_file;
    bool changed;
    TRY(alias_file_read(path, &arena, &old, e));
    alias_file_point(old, alias, target, &out, &changed);
    return changed ? alias_file_write(path, &out, e) : OK;
}

static bool says(const struct pg_table *table, size_t row, const char *column, const char *wanted)
{
    const char *seen = pg_table_cell(table, row, column);
    return !wanted || (seen && text_eq(seen, wanted));
}

/* RELOAD is answered whether or not the file could be read: what is in effect tells. */
static enum err check_in_effect(struct pgbouncer *p, struct pg_console *console, const char *alias,
                                const struct alias_target *target, int64_t deadline_us,
                                struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_table table;
    size_t row;
    TRY(look_up(console, alias, deadline_us, &arena, &table, &row, e));
    const char *port = arena_printf(&arena, "%lld", (long long)target->port);
    if (row < table.count && says(&table, row, "host", target->host) &&
        says(&table, row, "port", port) && says(&table, row, "database", target->dbname))
        return OK;
    return error_set(e, ERR_CONFLICT,
                     "%s did not take %s from %s: is that file included, and readable for it? See "
                     "its log",
                     pg_console_place(console), alias, p->settings->databases_file);
}

static enum err reload_all(struct consoles *all, int64_t deadline_us, struct error *e)
{
    size_t which;
    return tell_all(all, "RELOAD", deadline_us, &which, e);
}

static enum err check_all(struct consoles *all, const char *alias,
                          const struct alias_target *target, int64_t deadline_us, struct error *e)
{
    for (size_t i = 0; i < all->p->count; i++)
        TRY(check_in_effect(all->p, all->items[i], alias, target, deadline_us, e));
    return OK;
}

static bool leads_there(struct pgbouncer *p, const char *alias, const struct alias_target *target,
                        int64_t deadline_us)
{
    struct consoles all;
    if (take_all(p, deadline_us, &all, NULL) != OK)
        return false;
    enum err err = check_all(&all, alias, target, deadline_us, NULL);
    put_all(&all);
    return err == OK;
}

static enum err write_line(const struct pgbouncer *p, const char *alias, const char *target,
                           int64_t deadline_us, struct error *e)
{
    int64_t until_us = monotonic_us() + FILE_WAIT_US;
    int lock;
    TRY(alias_file_lock(p->settings->databases_file,
                        until_us < deadline_us ? until_us : deadline_us, &lock, e));
    enum err err = check_time(deadline_us, e);
    if (err == OK)
        err = change_line(p, alias, target, e);
    alias_file_unlock(lock);
    return err;
}

/*
 * A mover that hangs may hold the file's lock, and its watchdog must let clients on: nothing is
 * reloaded meanwhile, so what is in effect stays, and whoever holds the lock puts the file right.
 */
static enum err point(const struct mover_router *self, const char *slug, const char *url,
                      int64_t deadline_us, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pgbouncer *p = of(self);
    const char *text, *alias = route_alias(slug, &arena);
    struct alias_target target;
    struct consoles all;
    TRY(target_of(p, url, &arena, &target, e));
    TRY(alias_target_text(&target, &arena, &text, e));
    enum err err = write_line(p, alias, text, deadline_us, e);
    if (err == ERR_TIMEOUT && leads_there(p, alias, &target, deadline_us))
        return OK;
    TRY(err);
    TRY(take_all(p, deadline_us, &all, e));
    err = reload_all(&all, deadline_us, e);
    if (err == OK)
        err = check_all(&all, alias, &target, deadline_us, e);
    put_all(&all);
    return err;
}

/* -- what the routes say ---------------------------------------------------------------------- */

struct sync_work {
    struct pgbouncer *p;
    const char *old;
    struct buf out;
    struct alias_render render;
    struct arena arena; /* of a line */
};

/* One customer whose line cannot be made keeps the one it has, and nobody else from theirs. */
static const char *line_of(struct sync_work *w, const char *alias, const char *url)
{
    struct alias_target target;
    const char *text;
    struct error e;
    if (target_of(w->p, url, &w->arena, &target, &e) == OK &&
        alias_target_text(&target, &w->arena, &text, &e) == OK)
        return text;
    log_warn("a customer's line for PgBouncer cannot be made", LOG_TEXT("alias", alias),
             LOG_TEXT("error", e.text));
    return alias_file_target(w->old, alias, &w->arena);
}

static enum err add_line(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    struct sync_work *w = arg;
    (void)e;
    BUG_ON(count != 2);
    const char *alias = route_alias(columns[0].text, &w->arena);
    const char *line = line_of(w, alias, columns[1].text);
    if (line)
        alias_render_add(&w->render, alias, line);
    arena_release(&w->arena);
    return OK;
}

static enum err render_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct sync_work *w = arg;
    buf_reset(&w->out);
    alias_render_begin(&w->render, w->old, &w->out);
    enum err err = route_each_database(tx, add_line, w, e);
    alias_render_end(&w->render);
    return err;
}

/* The database is asked under the file's lock: what it says is never older than the file. */
static enum err sync_file(struct pgbouncer *p, struct db *db, bool *ret_changed, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct sync_work w = {.p = p, .out = BUF_INIT(ALIAS_FILE_MAX)};
    const char *path = p->settings->databases_file;
    bool changed = false;
    enum err err = alias_file_read(path, &arena, &w.old, e);
    if (err == OK)
        err = db_read(db, render_work, &w, e);
    if (err == OK) {
        changed = buf_is_full(&w.out) || !text_eq(buf_text(&w.out), w.old);
        err = changed ? alias_file_write(path, &w.out, e) : OK;
    }
    buf_release(&w.out);
    arena_release(&w.arena);
    TRY(err);
    *ret_changed = changed;
    return OK;
}

static bool set_reload_due(struct pgbouncer *p, bool due)
{
    (void)pthread_mutex_lock(&p->lock);
    bool was_due = p->reload_due;
    p->reload_due = due;
    (void)pthread_mutex_unlock(&p->lock);
    return was_due;
}

enum err pgbouncer_sync(struct pgbouncer *p, struct db *db, bool *ret_changed, struct error *e)
{
    int64_t deadline_us = monotonic_us() + SYNC_DEADLINE_US;
    bool changed;
    int lock;
    TRY(alias_file_lock(p->settings->databases_file, deadline_us, &lock, e));
    enum err err = sync_file(p, db, &changed, e);
    alias_file_unlock(lock);
    TRY(err);
    if (ret_changed)
        *ret_changed = changed;
    if (!set_reload_due(p, true) && !changed) {
        (void)set_reload_due(p, false);
        return OK;
    }
    struct consoles all;
    TRY(take_all(p, deadline_us, &all, e));
    err = reload_all(&all, deadline_us, e);
    put_all(&all);
    if (err == OK)
        (void)set_reload_due(p, false);
    return err;
}

/* -- making ----------------------------------------------------------------------------------- */

enum err pgbouncer_settings_check(const struct pgbouncer_settings *s, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_place place;
    if (!s->databases_file && s->admin_urls.count > 0)
        return error_set(e, ERR_INVALID,
                         "routing.pgbouncer has admin_urls and no databases_file: name the file "
                         "that their configuration includes");
    if (s->databases_file && s->admin_urls.count == 0)
        return error_set(e, ERR_INVALID,
                         "routing.pgbouncer has a databases_file and no admin_urls: nobody would "
                         "read it; write postgres://USER@HOST:PORT/" ADMIN_DATABASE);
    if (s->databases_file && s->databases_file[0] != '/')
        return error_set(e, ERR_INVALID, "routing.pgbouncer.databases_file must begin with /");
    if (s->passwords && s->login == LOGIN_CLIENT)
        return error_set(e, ERR_INVALID,
                         "routing.pgbouncer: passwords go with login: database; clients that log "
                         "in as themselves have their own");
    for (size_t i = 0; i < s->admin_urls.count; i++) {
        TRY(pg_url_parse(s->admin_urls.items[i], &arena, &place, e));
        if (!place.dbname || !text_eq(place.dbname, ADMIN_DATABASE))
            return error_set(e, ERR_INVALID,
                             "routing.pgbouncer.admin_urls[%zu] must name the database "
                             "\"" ADMIN_DATABASE "\"",
                             i);
    }
    return OK;
}

/* With the key, if lines have passwords: the other process has to make lines, too. */
static const char *spec_of(const struct pgbouncer *p, struct arena *arena)
{
    json_t *spec = json_encode(pgbouncer_settings_fields, p->settings, JSON_KEEP_ABSENT);
    if (p->key && p->settings->passwords)
        (void)json_object_set_new(spec, "key", json_string(secret_expose(p->key)));
    const char *text = json_text(spec, arena);
    json_decref(spec);
    return text;
}

struct pgbouncer *pgbouncer_new(const struct pgbouncer_settings *settings, const struct secret *key)
{
    struct pgbouncer *p = calloc(1, sizeof(*p));
    BUG_ON(!p);
    p->settings = settings;
    p->key = key;
    p->stores = tenant_stores_new(key);
    p->router = (struct mover_router){.pause = pause_clients, .point = point, .resume = resume};
    p->count = settings->admin_urls.count;
    BUG_ON(p->count > POOLERS_MAX);
    for (size_t i = 0; i < p->count; i++)
        p->poolers[i].url = settings->admin_urls.items[i];
    BUG_ON(pthread_mutex_init(&p->lock, NULL) != 0);
    p->router.spec = spec_of(p, &p->arena);
    return p;
}

void pgbouncer_free(struct pgbouncer *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++) {
        for (size_t j = 0; j < p->poolers[i].idle_count; j++)
            pg_console_close(p->poolers[i].idle[j]);
    }
    (void)pthread_mutex_destroy(&p->lock);
    tenant_stores_free(p->stores);
    arena_release(&p->arena);
    free(p);
}

const struct mover_router *pgbouncer_router(const struct pgbouncer *p)
{
    return p ? &p->router : NULL;
}

struct spec {
    struct pgbouncer_settings settings;
    const char *key;
};

static const struct field spec_fields[] = {
    {"databases_file", FIELD_TEXT, offsetof(struct spec, settings.databases_file)},
    {"admin_urls", FIELD_TEXTS, offsetof(struct spec, settings.admin_urls), .min = 0,
     .max = POOLERS_MAX},
    {"login", FIELD_ENUM, offsetof(struct spec, settings.login), .names = pgbouncer_login_names},
    {"passwords", FIELD_BOOL, offsetof(struct spec, settings.passwords)},
    {"key", FIELD_TEXT, offsetof(struct spec, key)},
    FIELD_END,
};

enum err pgbouncer_router_make(const char *text, struct arena *arena,
                               const struct mover_router **ret, struct error *e)
{
    struct problems problems = {.arena = arena};
    struct spec *spec = arena_alloc(arena, sizeof(*spec));
    record_clear(spec_fields, spec);
    TRY(json_decode_text(spec_fields, str_from(text), arena, spec, &problems, e));
    TRY(pgbouncer_settings_check(&spec->settings, e));
    struct secret *key = spec->key ? secret_new(str_from(spec->key)) : NULL;
    *ret = pgbouncer_router(pgbouncer_new(&spec->settings, key));
    return OK;
}
