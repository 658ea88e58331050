/*
 * What a test wants the clouds to look like. Kept in memory only.
 *
 *     PATCH /sandbox/settings
 *     {"availability": {"cx23": {"fsn1": {"available": false, "recommended": false}}},
 *      "prices": {"cpx31": {"ash": "64.99"}},
 *      "load": {"db-1": {"cpu": 91.5, "network_bandwidth_in": 2e6}},
 *      "checks": {"MACHINE": {"web": "critical"}}}
 *
 * `availability` names a server type, or "*", and a location: GET /server_types shows it, and
 * ordering what is not available is refused with resource_unavailable. `prices` are monthly net
 * prices, shown as they are written here. `load` is what GET /servers/{id}/metrics shows for the
 * server of that name or number. `checks` are the states (passing, warning, critical) of a Fly
 * machine's health checks by machine (id or name, or "*") and check. PATCH merges into what is set,
 * and null takes away; GET shows it, DELETE empties it.
 */
#ifndef WEBHOST_SANDBOX_SETTINGS_H
#define WEBHOST_SANDBOX_SETTINGS_H

#include "sandbox/call.h"

struct settings;

struct settings *settings_new(void);
void settings_free(struct settings *settings); /* NULL is fine */

/* What is set now; owned by the caller. Thread-safe. */
json_t *settings_now(struct settings *settings);

struct settings *call_settings(const struct call *c);

/* NULL: nothing is set. */
const json_t *settings_availability(const struct call *c, const char *type, const char *location);
const char *settings_price(const struct call *c, const char *type, const char *location);
double settings_load(const struct call *c, int64_t server_id, const char *server_name,
                     const char *what, double otherwise);
const char *settings_check(const struct call *c, const char *machine_id, const char *machine_name,
                           const char *check);

operation settings_show, settings_change, settings_clear;

#endif
