/*
 * One run for a dedicated instance: what it works with, and the records of what the instance owns.
 *
 * A row of `resources` is one thing in the cloud. It fills a slot of the instance (kind, region,
 * "app-1"), and of each slot one row lives at a time. A thing that has to be made again is a new
 * row with a new name, so that nothing of the old one can be mistaken for it:
 *
 *     intended -> created -> leaving -> deleted
 *
 * `asked_at` is written before the cloud is asked. While it is set and the thing is not found, it
 * may exist and not be listed yet; only after the settings' settle_ms it is asked for again. That
 * holds for a lost reply, for an ambiguous one (408, 5xx) and for a process that died.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_RUN_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_RUN_H

#include "domain/provisioning/fly/client.h"
#include "domain/provisioning/provider.h"

struct fly_run {
    struct provision_run *run;
    struct cloud cloud;       /* the Machines API */
    struct cloud account;     /* the host for managed Postgres */
    struct deployment d;      /* a copy: the app's name may change */
    int64_t secrets_version;  /* what machines need; INT_ABSENT: none */
    const char *database_url; /* as it is recorded: without a password */
    const char *clear_url;    /* for the app's secrets; NULL: follows from database_url */
};

void fly_run_begin(struct fly_run *f, struct provision_run *run);
void fly_run_end(struct fly_run *f);

static inline struct arena *fly_arena(const struct fly_run *f)
{
    return f->run->arena;
}

static inline const struct fly_settings *fly_settings_of(const struct fly_run *f)
{
    return &f->run->with->settings->fly;
}

/* -- records ---------------------------------------------------------------------------------- */

struct fly_slot {
    enum resource_kind kind;
    const char *region; /* "" for what is in none */
    const char *slot;
    const char *name; /* of the first in it; "-2" (a volume: "_2") goes behind the second's */
};

/* The row that lives in the slot; ERR_NOT_FOUND if none. */
enum err fly_record_find(struct fly_run *f, const struct fly_slot *slot, struct resource *ret,
                         struct error *e);

/* The same, or a new one, intended and about to be asked for; `ret_fresh` tells which. */
enum err fly_record_intend(struct fly_run *f, const struct fly_slot *slot, struct resource *ret,
                           bool *ret_fresh, struct error *e);

/* These keep `r` in step. */
enum err fly_record_asking(struct fly_run *f, struct resource *r, struct error *e);
enum err fly_record_created(struct fly_run *f, struct resource *r, const char *provider_id,
                            const char *size, struct error *e);
enum err fly_record_size(struct fly_run *f, struct resource *r, const char *size, struct error *e);
enum err fly_record_started(struct fly_run *f, struct resource *r, struct error *e);
enum err fly_record_state(struct fly_run *f, struct resource *r, const char *state,
                          struct error *e);
/* `why` is NULL for what is no longer wanted, and the reason for what did not work. */
enum err fly_record_leaving(struct fly_run *f, struct resource *r, const char *why,
                            struct error *e);
enum err fly_record_deleted(struct fly_run *f, struct resource *r, struct error *e);

/* Every row of the deployment, oldest first. */
enum err fly_record_list(struct fly_run *f, struct records *ret, struct error *e);

/* How many of the slot were given up for a reason in the last quarter of an hour. */
enum err fly_record_failures(struct fly_run *f, const struct fly_slot *slot, int64_t *ret,
                             struct error *e);

/* Calls the app by another name from now on, after the recorded one turned out to be taken. */
enum err fly_record_rename_app(struct fly_run *f, struct resource *app, const char *name,
                               const char *why, struct error *e);

/* It was asked for so recently that a list may not have it yet. */
bool fly_may_be_unlisted(const struct fly_run *f, const struct resource *r);

/* -- making something once -------------------------------------------------------------------- */

struct fly_made {
    const char *id, *size; /* size may be NULL */
};

/* How a kind of thing is found by its record (ERR_NOT_FOUND if it is not there) and made. */
struct fly_maker {
    enum err (*find)(struct fly_run *f, const struct resource *r, void *what, struct fly_made *ret,
                     struct error *e);
    enum err (*make)(struct fly_run *f, const struct resource *r, void *what, struct fly_made *ret,
                     struct error *e);
};

/* The slot's row with the thing behind it, found or made. ERR_BUSY while nobody can know. */
enum err fly_have(struct fly_run *f, const struct fly_slot *slot, const struct fly_maker *maker,
                  void *what, struct resource *ret, struct error *e);

#endif
