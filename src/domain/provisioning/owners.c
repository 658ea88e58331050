#include "domain/provisioning/owners.h"

#include "owners.sql.h"

/* A row of any of the three queries. */
struct row {
    const char *owner, *kind, *name, *region, *size, *address, *id, *status, *place, *app;
    int64_t since;
};

static const struct field row_fields[] = {
    {"owner", FIELD_TEXT, offsetof(struct row, owner)},
    {"kind", FIELD_TEXT, offsetof(struct row, kind)},
    {"name", FIELD_TEXT, offsetof(struct row, name)},
    {"region", FIELD_TEXT, offsetof(struct row, region)},
    {"size", FIELD_TEXT, offsetof(struct row, size)},
    {"address", FIELD_TEXT, offsetof(struct row, address)},
    {"id", FIELD_TEXT, offsetof(struct row, id)},
    {"status", FIELD_TEXT, offsetof(struct row, status)},
    {"place", FIELD_TEXT, offsetof(struct row, place)},
    {"app", FIELD_TEXT, offsetof(struct row, app)},
    {"since", FIELD_TIME, offsetof(struct row, since)},
    FIELD_END,
};

/* -- what a row means ------------------------------------------------------------------------- */

static void read_host(const struct row *r, struct owned *o)
{
    bool in_use = text_eq(r->status, "active") || text_eq(r->status, "draining");
    o->provider = HETZNER;
    o->kind = THING_SERVER;
    o->app = "";
    o->standing = text_eq(r->status, "retired") ? STANDING_GONE
                  : in_use && r->id             ? STANDING_MUST
                                                : STANDING_MAY;
    o->intended = text_eq(r->status, "creating");
}

static int standing_of_place(const char *status)
{
    return text_eq(status, "active")    ? STANDING_MUST
           : text_eq(status, "retired") ? STANDING_GONE
                                        : STANDING_MAY;
}

static void read_app(const struct row *r, struct owned *o)
{
    o->provider = FLYIO;
    o->kind = THING_APP;
    o->app = "";
    o->standing = standing_of_place(r->status);
    o->intended = text_eq(r->status, "provisioning");
}

static int kind_of_resource(const char *kind)
{
    if (text_eq(kind, "ip"))
        return THING_IP;
    if (text_eq(kind, "database_cluster"))
        return THING_CLUSTER;
    return strstr(kind, "volume") ? THING_VOLUME : THING_MACHINE;
}

static void read_resource(const struct row *r, struct owned *o)
{
    o->provider = FLYIO;
    o->kind = kind_of_resource(r->kind);
    o->app = o->kind == THING_CLUSTER ? "" : r->app;
    o->standing = standing_of_place(r->place);
    o->intended = text_eq(r->status, "intended") && o->standing != STANDING_GONE;
    if (text_eq(r->status, "deleted"))
        o->standing = STANDING_GONE;
    else if (!text_eq(r->status, "created") && o->standing == STANDING_MUST)
        o->standing = STANDING_MAY;
}

/* -- finding ---------------------------------------------------------------------------------- */

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_place(const struct owned *a, const struct owned *b)
{
    if (a->provider != b->provider)
        return a->provider < b->provider ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return compare_text(a->app, b->app);
}

static int compare_ids(const void *a, const void *b)
{
    const struct owned *x = *(const struct owned *const *)a, *y = *(const struct owned *const *)b;
    int order = compare_place(x, y);
    return order ? order : compare_text(x->id, y->id);
}

static int compare_names(const void *a, const void *b)
{
    const struct owned *x = *(const struct owned *const *)a, *y = *(const struct owned *const *)b;
    int order = compare_place(x, y);
    return order ? order : compare_text(x->name, y->name);
}

/* The first of those that are equal to the thing, or past the end. */
static size_t lower_bound(const struct owned **all, size_t count, const struct owned *key,
                          int (*compare)(const void *, const void *))
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&all[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct owned *best(const struct owned **all, size_t count, const struct thing *t,
                                int (*compare)(const void *, const void *))
{
    const struct owned key = {
        .provider = t->provider, .kind = t->kind, .app = t->app, .id = t->id, .name = t->name};
    const struct owned *k = &key, *found = NULL;
    for (size_t i = lower_bound(all, count, k, compare); i < count && compare(&all[i], &k) == 0;
         i++) {
        if (!found || all[i]->standing < found->standing)
            found = all[i];
    }
    return found;
}

const struct owned *owners_by_id(const struct owners *o, const struct thing *thing)
{
    return best(o->by_id, o->id_count, thing, compare_ids);
}

const struct owned *owners_by_name(const struct owners *o, const struct thing *thing)
{
    return thing->name ? best(o->by_name, o->count, thing, compare_names) : NULL;
}

const struct owned *owners_main(const struct owners *o, int provider, const char *owner)
{
    int kind = provider == HETZNER ? THING_SERVER : THING_APP;
    for (size_t i = 0; i < o->count; i++) {
        if (o->all[i].provider == provider && o->all[i].kind == kind &&
            text_eq(o->all[i].owner, owner))
            return &o->all[i];
    }
    return NULL;
}

bool owners_have(const struct owners *o, int kind)
{
    for (size_t i = 0; i < o->count; i++) {
        if (o->all[i].kind == kind)
            return true;
    }
    return false;
}

bool owners_intend(const struct owners *o, int provider, int kind, const char *owner, int64_t at)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct owned *w = &o->all[i];
        if (w->intended && w->provider == provider && w->kind == kind && w->since <= at &&
            (!owner || text_eq(w->owner, owner)))
            return true;
    }
    return false;
}

/* -- loading ---------------------------------------------------------------------------------- */

static void add_rows(struct owners *o, const struct records *rows,
                     void (*read)(const struct row *, struct owned *))
{
    const struct row *items = rows->items;
    for (size_t i = 0; i < rows->count; i++) {
        struct owned *w = &o->all[o->count++];
        *w = (struct owned){.id = items[i].id,
                            .name = items[i].name,
                            .region = items[i].region,
                            .size = items[i].size,
                            .address = items[i].address,
                            .owner = items[i].owner,
                            .since = items[i].since};
        read(&items[i], w);
    }
}

static void sort(struct owners *o, struct arena *arena)
{
    o->by_id = arena_new_array(arena, o->count + 1, const struct owned *);
    o->by_name = arena_new_array(arena, o->count + 1, const struct owned *);
    o->id_count = 0;
    for (size_t i = 0; i < o->count; i++) {
        o->by_name[i] = &o->all[i];
        if (o->all[i].id)
            o->by_id[o->id_count++] = &o->all[i];
    }
    qsort(o->by_id, o->id_count, sizeof(*o->by_id), compare_ids);
    qsort(o->by_name, o->count, sizeof(*o->by_name), compare_names);
}

enum err owners_load(struct db_tx *tx, struct arena *arena, struct owners *ret, struct error *e)
{
    static const struct {
        const struct db_query *query;
        void (*read)(const struct row *, struct owned *);
    } parts[] = {
        {&owned_hosts, read_host},
        {&owned_apps, read_app},
        {&owned_resources, read_resource},
    };
    struct records rows[ARRAY_LEN(parts)];
    size_t total = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        TRY(db_list(tx, parts[i].query, DB_ARGS(db_int(OWNERS_MAX)), row_fields, sizeof(struct row),
                    OWNERS_MAX, arena, &rows[i], e));
        total += rows[i].count;
    }
    struct owners o = {.all = arena_new_array(arena, total + 1, struct owned)};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        add_rows(&o, &rows[i], parts[i].read);
    sort(&o, arena);
    *ret = o;
    return OK;
}
