/* How usage is collected and measured: the `usage:` part of the configuration file. */
#ifndef WEBHOST_DOMAIN_USAGE_SETTINGS_H
#define WEBHOST_DOMAIN_USAGE_SETTINGS_H

#include "base/record.h"

struct usage_settings {
    int64_t collect_minutes; /* between two runs of the collector */
    int64_t collect_max;     /* customers that one run looks at, about */
    int64_t measure_minutes; /* between two measurements */
};

extern const struct field usage_settings_fields[];

struct usage_settings usage_settings_default(void);

/* crontab(5) for "every N minutes", N up to 60. The text lives in the arena. */
const char *usage_every(int64_t minutes, struct arena *arena);

#endif
