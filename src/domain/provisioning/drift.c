#include "domain/provisioning/drift.h"

#include "domain/audit/audit.h"
#include "drift.sql.h"
#include "infra/json/json.h"

#define OLD_MAX 100 /* cleaned in one run; the next takes more */

const char *const drift_kind_names[] = {"missing", "orphan", "changed", "foreign", NULL};

const struct field drift_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct drift, id), .required = true, .help = "its id"},
    {"kind", FIELD_ENUM, offsetof(struct drift, kind), .names = drift_kind_names, .required = true,
     .help = "missing, orphan, changed or foreign"},
    {"provider", FIELD_ENUM, offsetof(struct drift, provider), .names = infrastructure_names,
     .required = true, .help = "which cloud"},
    {"thing", FIELD_TEXT, offsetof(struct drift, thing), .required = true, .help = "what it is"},
    {"provider_id", FIELD_TEXT, offsetof(struct drift, provider_id),
     .help = "the cloud's id for it"},
    {"name", FIELD_TEXT, offsetof(struct drift, name), .help = "its name"},
    {"app", FIELD_TEXT, offsetof(struct drift, app), .help = "the Fly app that it is in"},
    {"owner", FIELD_TEXT, offsetof(struct drift, owner), .help = "whose it is by our records"},
    {"expected", FIELD_TEXT, offsetof(struct drift, expected), .help = "what our records say"},
    {"found", FIELD_TEXT, offsetof(struct drift, found), .help = "what the cloud says"},
    {"cleanable", FIELD_BOOL, offsetof(struct drift, cleanable),
     .help = "whether it may be deleted"},
    {"first_seen", FIELD_TIME, offsetof(struct drift, first_seen),
     .help = "when it was first found"},
    {"last_seen", FIELD_TIME, offsetof(struct drift, last_seen), .help = "when it was last found"},
    {"sightings", FIELD_INT, offsetof(struct drift, sightings), .help = "how often it was found"},
    {"summary", FIELD_TEXT, offsetof(struct drift, summary), .required = true,
     .help = "in a sentence"},
    {"advice", FIELD_TEXT, offsetof(struct drift, advice), .required = true,
     .help = "what to do about it"},
    FIELD_END,
};

enum err drift_record(struct db_tx *tx, const struct env *env, enum infrastructure provider,
                      const struct drift *found, size_t count, int64_t now, struct arena *arena,
                      struct error *e)
{
    const char *cloud = infrastructure_names[provider];
    for (size_t i = 0; i < count; i++) {
        const struct drift *d = &found[i];
        TRY(db_exec(tx, &drift_see,
                    DB_ARGS(db_text(env_id(env, arena)), db_text(drift_kind_names[d->kind]),
                            db_text(cloud), db_text(d->thing), db_text(d->provider_id),
                            db_text(d->name), db_text(d->app), db_text(d->owner),
                            db_text(d->expected), db_text(d->found), db_int(d->cleanable),
                            db_int(now)),
                    NULL, e));
    }
    return db_exec(tx, &drift_forget_unseen, DB_ARGS(db_text(cloud), db_int(now)), NULL, e);
}

enum err drift_list(struct db_tx *tx, int kind, struct page page, struct arena *arena,
                    struct records *ret, const char **ret_next, struct error *e)
{
    const char *name = kind < 0 ? NULL : drift_kind_names[kind];
    struct records all;
    TRY(page_list(tx, &drift_page, page, DB_ARGS(db_text(name)), drift_fields, sizeof(struct drift),
                  arena, &all, ret_next, e));
    struct drift *items = all.items;
    for (size_t i = 0; i < all.count; i++)
        drift_explain(&items[i], arena);
    *ret = all;
    return OK;
}

enum err drift_list_old(struct db_tx *tx, enum infrastructure provider, int64_t before,
                        struct arena *arena, struct records *ret, struct error *e)
{
    return db_list(
        tx, &drift_old_orphans,
        DB_ARGS(db_text(infrastructure_names[provider]), db_int(before), db_int(OLD_MAX)),
        drift_fields, sizeof(struct drift), OLD_MAX, arena, ret, e);
}

enum err drift_cleaned(struct db_tx *tx, const struct env *env, const char *actor,
                       const struct drift *d, struct arena *arena, struct error *e)
{
    json_t *details = json_pack("{s:s, s:s, s:s, s:o, s:s}", "provider",
                                infrastructure_names[d->provider], "thing", d->thing, "provider_id",
                                d->provider_id, "name", json_from_text(d->name), "app", d->app);
    BUG_ON(!details);
    const char *text = json_text(details, arena);
    json_decref(details);
    TRY(audit_write(tx, env, arena, actor, "drift.cleaned", d->owner ? d->owner : d->provider_id,
                    text, e));
    return db_exec(tx, &drift_delete, DB_ARGS(db_text(d->id)), NULL, e);
}

enum err drift_counts(struct db_tx *tx, int64_t ret_counts[DRIFT_KINDS], struct error *e)
{
    for (size_t i = 0; i < DRIFT_KINDS; i++)
        TRY(db_get_int(tx, &drift_count, DB_ARGS(db_text(drift_kind_names[i])), &ret_counts[i], e));
    return OK;
}
