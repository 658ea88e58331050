/* Differences in words: what is the matter, and what a person does about it. */
#include "domain/provisioning/drift.h"
#include "domain/provisioning/inventory.h"
#include "domain/provisioning/template.h"

/* Absent for those of which no row is ever missing or changed. */
struct words {
    const char *called;
    const char *missing, *changed; /* what to do; {name} and {app} are replaced */
};

static const struct words words[] = {
    [THING_SERVER] =
        {"server",
         "find out in Hetzner's activity log who deleted it; webhost hosts show {name} "
         "names its customers, whose data has to come from a backup: nothing is made "
         "again by itself",
         "set it at Hetzner as it was; where that cannot be, webhost hosts drain {name} "
         "moves its customers to another"},
    [THING_VOLUME] =
        {"volume",
         "restore it from Fly's snapshot of it or from a backup: an empty one is not "
         "made in its place by itself",
         "a volume cannot shrink: webhost instances scale {app} --plan PLAN with a plan "
         "that has as much, or leave it and pay for more than is counted"},
    [THING_FIREWALL] = {"firewall", NULL, NULL},
    [THING_NETWORK] = {"network", NULL, NULL},
    [THING_PRIMARY_IP] = {"primary IP", NULL, NULL},
    [THING_SSH_KEY] = {"SSH key", NULL, NULL},
    [THING_APP] = {"app",
                   "find out who deleted it: its volumes went with it, and the customer's data has "
                   "to come from a backup; webhost instances show {name} tells whose it was",
                   "webhost instances show {name} tells what it should be"},
    [THING_MACHINE] = {"machine",
                       "it is made again when the instance's health is looked at next; webhost "
                       "instances show {app} tells how far that is",
                       "webhost instances scale {app} has it made as recorded again; give it "
                       "another size by --plan, so that it is recorded"},
    [THING_IP] = {"address",
                  "allocate another for the app (flyctl ips allocate), and correct the DNS records "
                  "that hold this one",
                  "webhost instances show {app} tells which addresses it should have"},
    [THING_CLUSTER] = {"Postgres cluster",
                       "ask Fly's support whether it can be brought back; else the customer's data "
                       "has to come from a backup",
                       "set it at Fly as it was: a managed cluster keeps the plan that it was made "
                       "with, and one that has failed is for Fly's support"},
};

static const char *const clouds[] = {[HETZNER] = "Hetzner", [FLYIO] = "Fly"};

/* "server wh-ash-1 (4711)", "machine 148e (app-1) of app wh-acme" */
static const char *subject(const struct drift *d, const struct words *w, struct arena *arena)
{
    bool named = d->name && *d->name && !text_eq(d->name, d->provider_id);
    const char *text = !named
                           ? arena_printf(arena, "%s %s", w->called, d->provider_id)
                           : arena_printf(arena, "%s %s (%s)", w->called, d->name, d->provider_id);
    return *d->app ? arena_printf(arena, "%s of app %s", text, d->app) : text;
}

static const char *summary(const struct drift *d, const struct words *w, struct arena *arena)
{
    const char *what = subject(d, w, arena), *cloud = clouds[d->provider];
    switch ((enum drift_kind)d->kind) {
    case DRIFT_MISSING:
        return arena_printf(arena, "%s does not hold %s, which customers rely on", cloud, what);
    case DRIFT_ORPHAN:
        return arena_printf(arena, "%s holds %s, which is ours and nobody's: %s", cloud, what,
                            d->expected);
    case DRIFT_CHANGED:
        return arena_printf(arena, "at %s, %s should have %s and has %s", cloud, what, d->expected,
                            d->found);
    case DRIFT_FOREIGN:
        return arena_printf(arena, "%s holds %s in a place of ours that is not ours: it has %s",
                            cloud, what, d->found);
    case DRIFT_KINDS:
        break;
    }
    BUG_ON(true);
}

static const char *advice(const struct drift *d, const struct words *w)
{
    if (d->kind == DRIFT_MISSING || d->kind == DRIFT_CHANGED)
        return d->kind == DRIFT_MISSING ? w->missing : w->changed;
    if (d->kind == DRIFT_FOREIGN)
        return "find out whose it is, then rename or remove it, or give each installation a "
               "project "
               "or organisation of its own; it is never touched from here";
    return d->cleanable
               ? "nothing: it is deleted once it was seen twice and for longer than "
                 "provisioning.reconcile_grace_ms"
               : "delete it at the cloud if nobody needs it: it stays, since it is in use, "
                 "carries no mark of ours, or something unfinished may still want it";
}

void drift_explain(struct drift *d, struct arena *arena)
{
    int kind = enum_from_text(thing_kind_names, str_from(d->thing));
    static const struct words other = {"thing", NULL, NULL};
    const struct words *w = kind < 0 ? &other : &words[kind];
    const char *todo = advice(d, w);
    d->summary = summary(d, w, arena);
    if (todo) {
        todo = template_fill(arena, todo, "name", d->name ? d->name : d->provider_id);
        todo = template_fill(arena, todo, "app", d->app);
    }
    d->advice = todo;
}
