/*
 * The parts of a dedicated instance, in the order in which they are brought about. Each function
 * may be called any number of times, makes what is missing, and gives ERR_BUSY for what needs only
 * time.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_PARTS_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_PARTS_H

#include "domain/provisioning/fly/machine.h"
#include "domain/provisioning/fly/run.h"

/*
 * The app. One that exists under our name is ours when it belongs to our organisation, when we had
 * recorded that we would make it before we first looked, and when every machine in it is ours. When
 * it is not, the next name is taken (app.c).
 */
enum err fly_have_app(struct fly_run *f, struct error *e);

/* Is everything in the app of our name ours to delete? False when there is no such app either. */
enum err fly_app_is_ours(struct fly_run *f, bool *ret_ours, struct error *e);

/* Addresses, and a certificate where a hostname is configured. */
enum err fly_have_network(struct fly_run *f, struct error *e);
const char *fly_hostname(const struct fly_run *f); /* NULL: none is configured */

/*
 * What kind of database the instance has and in which region: as recorded, whatever the
 * configuration and the regions say by now, because it has the data. Only kind and region are set.
 */
enum err fly_database_place(struct fly_run *f, struct resource *ret, struct error *e);

/* Managed Postgres, when it is configured; sets f->database_url in any case. */
enum err fly_have_database(struct fly_run *f, struct error *e);

/* Where a database on a machine of the app is. */
const char *fly_machine_database_url(const struct fly_run *f);

/* The app's secrets; after the database. Sets f->secrets_version. */
enum err fly_have_secrets(struct fly_run *f, struct error *e);

/* Every machine with its volume, in the size of the plan; `ret_ready` when all do their work. */
enum err fly_have_units(struct fly_run *f, bool *ret_ready, struct error *e);

/* Does the plan and do the regions want what fills this slot? */
bool fly_is_wanted(const struct fly_run *f, const struct resource *r);

/* Removes what was given up and what is no longer wanted. */
enum err fly_sweep(struct fly_run *f, struct error *e);

/* Gives up what is behind every row, and removes it; the app last. */
enum err fly_remove_all(struct fly_run *f, struct error *e);

#endif
