/*
 * When a target may be disturbed: quiet hours and digests. Pure; all times of day are UTC.
 */
#ifndef WEBHOST_DOMAIN_NOTIFY_HOURS_H
#define WEBHOST_DOMAIN_NOTIFY_HOURS_H

#include "domain/notify/settings.h"

/* "HH:MM" in minutes; -1 for anything else. */
int time_of_day(const char *text);
const char *time_of_day_check(const char *text); /* a field_check */

/*
 * When a notice of that severity is due: `now` for what is critical, and for a target that is
 * neither quiet now nor wants digests; else the end of its quiet hours, or its next digest. A
 * digest that falls into quiet hours comes at their end.
 */
int64_t notify_due(const struct notify_target *target, enum severity severity, int64_t now);

#endif
