#include "domain/provisioning/routing.h"

#include "domain/placement/vocabulary.h"
#include "infra/pg/url.h"
#include "infra/secrets/secret.h"
#include "routing.sql.h"

#define ALIAS_PREFIX   "tenant_"
#define ALIAS_MAX      63 /* of a database's name at PgBouncer */
#define ALIAS_HASH     12
#define COMPLETE_BATCH 200

const char *const route_engine_names[] = {"postgres", "sqlite", NULL};

const struct field route_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct route, id)},
    {"slug", FIELD_TEXT, offsetof(struct route, slug)},
    {"version", FIELD_INT, offsetof(struct route, version)},
    {"fleet_version", FIELD_INT, offsetof(struct route, fleet_version)},
    {"active", FIELD_BOOL, offsetof(struct route, active)},
    {"deployment_id", FIELD_TEXT, offsetof(struct route, deployment_id)},
    {"mode", FIELD_ENUM, offsetof(struct route, mode), .names = mode_names},
    {"regions", FIELD_TEXTS, offsetof(struct route, regions)},
    {"application", FIELD_TEXT, offsetof(struct route, application)},
    {"engine", FIELD_ENUM, offsetof(struct route, engine), .names = route_engine_names},
    {"host", FIELD_TEXT, offsetof(struct route, host)},
    {"port", FIELD_INT, offsetof(struct route, port)},
    {"dbname", FIELD_TEXT, offsetof(struct route, dbname)},
    {"login", FIELD_TEXT, offsetof(struct route, login)},
    {"changed_at", FIELD_TIME, offsetof(struct route, changed_at)},
    FIELD_END,
};

/* -- what is true ------------------------------------------------------------------------------ */

struct truth {
    struct route route; /* without versions and the database */
    const char *app, *address, *database_url;
};

static const struct field truth_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct truth, route.id)},
    {"slug", FIELD_TEXT, offsetof(struct truth, route.slug)},
    {"active", FIELD_BOOL, offsetof(struct truth, route.active)},
    {"deployment_id", FIELD_TEXT, offsetof(struct truth, route.deployment_id)},
    {"mode", FIELD_ENUM, offsetof(struct truth, route.mode), .names = mode_names},
    {"regions", FIELD_TEXTS, offsetof(struct truth, route.regions)},
    {"app", FIELD_TEXT, offsetof(struct truth, app)},
    {"address", FIELD_TEXT, offsetof(struct truth, address)},
    {"database_url", FIELD_TEXT, offsetof(struct truth, database_url)},
    FIELD_END,
};

/* The url with "x" for each {place}: a route needs no password, and a brace is not for a url. */
static const char *without_places(const char *url, struct arena *arena)
{
    char *out = arena_text(arena, url), *to = out;
    unsigned depth = 0;
    for (const char *p = url; *p; p++) {
        if (*p == '{' && depth++ == 0)
            *to++ = 'x';
        if (depth == 0)
            *to++ = *p;
        if (*p == '}' && depth > 0)
            depth--;
    }
    *to = '\0';
    return out;
}

static enum err set_database(struct route *route, const char *url, struct arena *arena,
                             struct error *e)
{
    struct str text = str_from(url);
    if (str_starts_with(text, STR("sqlite:"))) {
        route->engine = ROUTE_SQLITE;
        route->host = route->login = NULL;
        route->port = INT_ABSENT;
        route->dbname = url + strlen("sqlite:");
        return OK;
    }
    struct pg_place place;
    TRY(pg_url_parse(without_places(url, arena), arena, &place, e));
    route->engine = ROUTE_POSTGRES;
    route->host = place.host;
    route->port = place.port;
    route->dbname = place.dbname ? place.dbname : "";
    route->login = place.user;
    return OK;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? text_eq(a, b) : a == b;
}

static bool same_regions(const struct texts *a, const struct texts *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = text_eq(a->items[i], b->items[i]);
    return same;
}

static bool same_place(const struct route *a, const struct route *b)
{
    return a->active == b->active && a->mode == b->mode && a->engine == b->engine &&
           a->port == b->port && same_text(a->slug, b->slug) &&
           same_text(a->deployment_id, b->deployment_id) &&
           same_regions(&a->regions, &b->regions) && same_text(a->application, b->application) &&
           same_text(a->host, b->host) && same_text(a->dbname, b->dbname) &&
           same_text(a->login, b->login);
}

static enum err write_route(struct db_tx *tx, const struct route *r, struct arena *arena,
                            struct error *e)
{
    int64_t version, now;
    TRY(db_now(tx, &now, e));
    TRY(db_get_int(tx, &route_next_version, DB_NO_ARGS, &version, e));
    return db_exec(tx, &route_write,
                   DB_ARGS(db_text(r->id), db_text(r->slug), db_int(version), db_int(r->active),
                           db_text(r->deployment_id), db_text(mode_names[r->mode]),
                           db_text(db_texts_json(arena, r->regions)), db_text(r->application),
                           db_text(route_engine_names[r->engine]), db_text(r->host),
                           db_int(r->port), db_text(r->dbname), db_text(r->login), db_int(now)),
                   NULL, e);
}

/* What a customer that is gone was called is free for another. */
static enum err refresh(struct db_tx *tx, const char *customer_id, struct arena *arena,
                        struct error *e)
{
    struct truth truth;
    struct route recorded;
    enum err err =
        db_get(tx, &route_truth, DB_ARGS(db_text(customer_id)), truth_fields, arena, &truth, e);
    if (err != OK)
        return err == ERR_NOT_FOUND ? OK : err;
    struct route *route = &truth.route;
    err =
        db_get(tx, &route_recorded, DB_ARGS(db_text(route->id)), route_fields, arena, &recorded, e);
    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    bool is_new = err == ERR_NOT_FOUND;
    if (is_new && !route->active)
        return OK;
    if (!route->active)
        route->slug = recorded.slug;
    route->application = truth.app ? arena_printf(arena, "%s.fly.dev", truth.app) : truth.address;
    TRY(set_database(route, truth.database_url, arena, e));
    return is_new || !same_place(route, &recorded) ? write_route(tx, route, arena, e) : OK;
}

enum err route_refresh(struct db_tx *tx, const char *customer_id, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    return refresh(tx, customer_id, &arena, e);
}

enum err route_refresh_for(struct db_tx *tx, const char *deployment_id, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *customer_id;
    TRY(db_get_text(tx, &route_customer_of, DB_ARGS(db_text(deployment_id)), &arena, &customer_id,
                    e));
    return customer_id ? refresh(tx, customer_id, &arena, e) : OK;
}

/* -- those of before --------------------------------------------------------------------------- */

struct missing {
    const char *id;
};

static const struct field missing_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct missing, id)},
    FIELD_END,
};

struct complete_work {
    struct arena arena;
    size_t found;
};

static enum err complete_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct complete_work *w = arg;
    struct records rows;
    TRY(db_list(tx, &route_missing, DB_ARGS(db_int(COMPLETE_BATCH)), missing_fields,
                sizeof(struct missing), COMPLETE_BATCH, &w->arena, &rows, e));
    const struct missing *items = rows.items;
    for (size_t i = 0; i < rows.count; i++)
        TRY(refresh(tx, items[i].id, &w->arena, e));
    w->found = rows.count;
    return OK;
}

enum err routes_complete(struct db *db, struct error *e)
{
    struct complete_work w = {0};
    do {
        enum err err = db_write(db, complete_work, &w, e);
        arena_release(&w.arena);
        TRY(err);
    } while (w.found > 0);
    return OK;
}

/* -- looking ----------------------------------------------------------------------------------- */

enum err route_find(struct db_tx *tx, const char *slug, struct arena *arena, struct route *ret,
                    struct error *e)
{
    enum err err = db_get(tx, &route_by_slug, DB_ARGS(db_text(slug)), route_fields, arena, ret, e);
    return err == ERR_NOT_FOUND
               ? error_set(e, err, "there is no route to %.100s: no active customer has that slug",
                           slug)
               : err;
}

enum err route_list(struct db_tx *tx, struct page page, struct arena *arena, struct records *ret,
                    const char **ret_next, struct error *e)
{
    return page_list(tx, &route_page, page, DB_NO_ARGS, route_fields, sizeof(struct route), arena,
                     ret, ret_next, e);
}

enum err route_list_changes(struct db_tx *tx, int64_t since, int64_t limit, struct arena *arena,
                            struct records *ret, int64_t *ret_seen, struct error *e)
{
    struct records rows;
    TRY(db_list(tx, &route_changes, DB_ARGS(db_int(since), db_int(limit)), route_fields,
                sizeof(struct route), (size_t)limit, arena, &rows, e));
    const struct route *items = rows.items;
    if (rows.count == (size_t)limit)
        *ret_seen = items[limit - 1].fleet_version;
    else
        TRY(route_version_of_fleet(tx, ret_seen, e));
    *ret = rows;
    return OK;
}

enum err route_version_of_fleet(struct db_tx *tx, int64_t *ret, struct error *e)
{
    return db_get_int(tx, &route_fleet_version, DB_NO_ARGS, ret, e);
}

static enum err write_map_line(const struct db_value *columns, size_t count, void *arg,
                               struct error *e)
{
    struct buf *out = arg;
    BUG_ON(count != 2);
    return buf_printf(out, "%s %s\n", columns[0].text, columns[1].text)
               ? OK
               : error_set(e, ERR_TOO_LARGE,
                           "the map of all applications is too large for one reply: "
                           "webhost routes --haproxy reads it in pages");
}

enum err route_write_haproxy(struct db_tx *tx, struct buf *out, struct error *e)
{
    return db_each(tx, &route_all_applications, DB_NO_ARGS, write_map_line, out, e);
}

enum err route_each_database(struct db_tx *tx, db_row_fn *fn, void *arg, struct error *e)
{
    return db_each(tx, &route_all_databases, DB_NO_ARGS, fn, arg, e);
}

/* -- showing ----------------------------------------------------------------------------------- */

const char *route_alias(const char *slug, struct arena *arena)
{
    size_t room = ALIAS_MAX - strlen(ALIAS_PREFIX);
    if (strlen(slug) <= room)
        return arena_printf(arena, ALIAS_PREFIX "%s", slug);
    char hash[HASH_TEXT_MAX];
    (void)sha256_hex(str_from(slug), hash);
    return arena_printf(arena, ALIAS_PREFIX "%.*s-%.*s", (int)(room - ALIAS_HASH - 1), slug,
                        ALIAS_HASH, hash);
}

static json_t *database_json(const struct route *r, struct arena *arena)
{
    bool is_file = r->engine == ROUTE_SQLITE;
    return json_pack(
        "{s:s, s:s?, s:s?, s:o, s:s?, s:s?, s:s?}", "engine", route_engine_names[r->engine], "url",
        is_file ? arena_printf(arena, "sqlite:%s", r->dbname) : NULL, "host", r->host, "port",
        is_file ? json_null() : json_integer(r->port), "dbname", is_file ? NULL : r->dbname, "user",
        r->login, "alias", is_file ? NULL : route_alias(r->slug, arena));
}

static const char *const shown[] = {
    "slug", "version", "fleet_version", "active",     "deployment_id",
    "mode", "regions", "application",   "changed_at",
};

json_t *route_json(const struct route *route, struct arena *arena)
{
    json_t *all = json_encode(route_fields, route, JSON_KEEP_ABSENT);
    json_t *out = json_object();
    (void)json_object_set(out, "customer_id", json_object_get(all, "id"));
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        (void)json_object_set(out, shown[i], json_object_get(all, shown[i]));
    json_decref(all);
    (void)json_object_set_new(out, "database", database_json(route, arena));
    return out;
}
