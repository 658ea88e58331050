#include "domain/provisioning/reconcile_judge.h"

#include "domain/provisioning/deployment.h"

static bool is_ours(const struct judge *j, const struct thing *t)
{
    return t->managed && text_eq(t->install, j->install_id);
}

/* Made by another installation in the same project or organisation. */
static bool is_others(const struct judge *j, const struct thing *t)
{
    return t->install && !text_eq(t->install, j->install_id);
}

static struct drift drift_of(const struct thing *t, int kind, const char *owner,
                             const char *expected, const char *found)
{
    return (struct drift){
        .kind = kind,
        .provider = t->provider,
        .thing = thing_kind_names[t->kind],
        .provider_id = t->id,
        .name = t->name,
        .app = t->app,
        .owner = owner,
        .expected = expected,
        .found = found,
    };
}

static const char *describe(const struct thing *t)
{
    return t->state ? t->state : "exists";
}

/* What is attached to something, or may belong to an unfinished intention, is only reported. */
static bool orphan(const struct judge *j, const struct thing *t, const char *owner,
                   const char *expected, bool marked, struct drift *ret)
{
    int64_t born = t->created_at == INT_ABSENT ? INT64_MAX : t->created_at;
    *ret = drift_of(t, DRIFT_ORPHAN, owner, expected, describe(t));
    ret->cleanable = marked && !(t->in_use && t->kind == THING_VOLUME) &&
                     !owners_intend(j->owners, t->provider, t->kind, NULL, born);
    return true;
}

/* What differs, in one finding: "size cpx31, state running" and "size cpx41, state off". */
struct change {
    struct arena *arena;
    const char *expected, *found; /* NULL: nothing does */
};

static const char *listed(struct arena *arena, const char *list, const char *what,
                          const char *value)
{
    return arena_printf(arena, "%s%s%s %s", list ? list : "", list ? ", " : "", what, value);
}

static void note_change(struct change *c, const char *what, const char *expected, const char *found)
{
    c->expected = listed(c->arena, c->expected, what, expected);
    c->found = listed(c->arena, c->found, what, found ? found : "unknown");
}

/* Only where both sides say something. */
static void compare_texts(struct change *c, const char *what, const char *expected,
                          const char *found)
{
    if (expected && *expected && found && !text_eq(expected, found))
        note_change(c, what, expected, found);
}

/* States in which a thing that somebody relies on does its work, or is about to. */
static bool state_is_good(const struct thing *t)
{
    static const char *const servers[] = {"running", "starting", "initializing", "migrating", NULL};
    static const char *const machines[] = {"started",  "starting",  "restarting", "created",
                                           "updating", "replacing", NULL};
    if (t->kind == THING_CLUSTER)
        return !text_eq(t->state, "failed") && !text_eq(t->state, "error");
    if (t->kind != THING_SERVER && t->kind != THING_MACHINE)
        return true;
    const char *const *good = t->kind == THING_SERVER ? servers : machines;
    return t->state && enum_from_text(good, str_from(t->state)) >= 0;
}

static const char *state_expected(int kind)
{
    return kind == THING_SERVER ? "running" : kind == THING_CLUSTER ? "ready" : "started";
}

static bool judge_owned(const struct judge *j, const struct thing *t, const struct owned *o,
                        struct drift *ret)
{
    if (o->standing != STANDING_MUST || o->since > j->settled_by)
        return false;
    struct change c = {.arena = j->arena};
    compare_texts(&c, "region", o->region, t->region);
    compare_texts(&c, "size", o->size, t->size);
    compare_texts(&c, "address", o->address, t->address);
    if (!state_is_good(t))
        note_change(&c, "state", state_expected(t->kind), t->state);
    if (c.expected)
        *ret = drift_of(t, DRIFT_CHANGED, o->owner, c.expected, c.found);
    return c.expected != NULL;
}

/* Nothing in the database has its id. */
static bool judge_hetzner(const struct judge *j, const struct thing *t, struct drift *ret)
{
    const struct owned *named = owners_by_name(j->owners, t);
    if (!is_ours(j, t)) {
        if (!named || named->standing == STANDING_GONE)
            return false;
        *ret = drift_of(t, DRIFT_FOREIGN, named->owner, "our label",
                        is_others(j, t) ? "another installation's label" : "no label of ours");
        return true;
    }
    if (named && named->standing != STANDING_GONE && !named->id)
        return false; /* its order's reply is not here yet, or was lost: it will be adopted */
    const struct owned *host = t->owner ? owners_main(j->owners, HETZNER, t->owner) : NULL;
    bool host_lives = host && host->standing != STANDING_GONE;
    if (t->kind == THING_SERVER)
        return orphan(j, t, t->owner, host_lives ? "another server" : "no such host", true, ret);
    if (host_lives || (!t->owner && t->kind != THING_VOLUME))
        return false; /* without a host it belongs to the installation as a whole */
    return orphan(j, t, t->owner, "no such host", true, ret);
}

/*
 * What has neither label nor metadata is ours by the id that was recorded; a volume by being in an
 * app of ours, too, because who adds one adds a machine to it.
 */
static bool is_marked(const struct judge *j, const struct thing *t, bool recorded)
{
    return t->kind == THING_VOLUME || is_ours(j, t) || (recorded && t->kind != THING_MACHINE);
}

/* Nothing in the database has its id, or what is `recorded` with it has been deleted. */
static bool judge_in_app(const struct judge *j, const struct thing *t, bool recorded,
                         struct drift *ret)
{
    const struct thing as_app = {.provider = FLYIO, .kind = THING_APP, .id = t->app, .app = ""};
    const struct owned *app = owners_by_id(j->owners, &as_app);
    if (!app || app->standing == STANDING_GONE)
        return false; /* the app is the orphan */
    if (is_others(j, t) || (t->kind == THING_MACHINE && !t->managed)) {
        *ret = drift_of(t, DRIFT_FOREIGN, app->owner, "our metadata",
                        t->managed ? "another installation's metadata" : "no metadata of ours");
        return true;
    }
    if (owners_intend(j->owners, FLYIO, t->kind, app->owner, INT64_MAX))
        return false;
    /* A machine without our installation's id was made before there was one: not for us to delete.
     */
    return orphan(j, t, app->owner, "no record of it", is_marked(j, t, recorded), ret);
}

/* Whether the app that the cluster is named after is another installation's. */
static bool is_for_others_app(const struct judge *j, const struct thing *cluster)
{
    struct str name = str_from(cluster->name);
    for (size_t i = 0; i < j->things->count; i++) {
        const struct thing *t = &j->things->items[i];
        if (t->kind == THING_APP && is_others(j, t) && str_starts_with(name, str_from(t->name)))
            return true;
    }
    return false;
}

/* Others in the organisation have clusters too: one concerns us when it has a name of ours. */
static bool judge_cluster(const struct judge *j, const struct thing *t, struct drift *ret)
{
    const struct owned *named = owners_by_name(j->owners, t);
    if (named && named->standing != STANDING_GONE && !named->id)
        return false; /* it will be adopted */
    if (!named && (!t->name || !str_starts_with(str_from(t->name), STR(APP_NAME_PREFIX)) ||
                   is_for_others_app(j, t)))
        return false;
    *ret = drift_of(t, DRIFT_FOREIGN, named ? named->owner : NULL, "our record", "no record of it");
    return true;
}

static bool judge_unknown(const struct judge *j, const struct thing *t, struct drift *ret)
{
    if (t->provider == HETZNER)
        return judge_hetzner(j, t, ret);
    if (t->kind == THING_CLUSTER)
        return judge_cluster(j, t, ret);
    if (t->kind != THING_APP)
        return judge_in_app(j, t, false, ret);
    return is_ours(j, t) && orphan(j, t, t->owner, "no record of it", true, ret);
}

bool judge_thing(const struct judge *j, const struct thing *t, struct drift *ret)
{
    const struct owned *o = owners_by_id(j->owners, t);
    if (o && o->standing != STANDING_GONE)
        return judge_owned(j, t, o, ret);
    if (t->created_at != INT_ABSENT && t->created_at > j->settled_by)
        return false;
    if (!o)
        return judge_unknown(j, t, ret);
    if (is_others(j, t) || o->since > j->settled_by)
        return false;
    if (*t->app)
        return judge_in_app(j, t, true, ret);
    /* An app's and a cluster's mark is that we recorded their ids; a server has a label. */
    return orphan(j, t, o->owner, "its owner is retired", t->provider == FLYIO || is_ours(j, t),
                  ret);
}

struct drift judge_missing(const struct owned *o)
{
    return (struct drift){
        .kind = DRIFT_MISSING,
        .provider = o->provider,
        .thing = thing_kind_names[o->kind],
        .provider_id = o->id,
        .name = o->name,
        .app = o->app,
        .owner = o->owner,
        .expected = "exists",
        .found = "not there",
    };
}
