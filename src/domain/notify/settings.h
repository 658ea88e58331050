/*
 * Where notices go: the part `notify:` of the configuration.
 */
#ifndef WEBHOST_DOMAIN_NOTIFY_SETTINGS_H
#define WEBHOST_DOMAIN_NOTIFY_SETTINGS_H

#include "base/record.h"

#define NOTIFY_TARGETS_MAX 20

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };

extern const char *const severity_names[]; /* ends with NULL */

enum target_kind {
    TARGET_WEBHOOK,      /* JSON, signed when there is a secret (Standard Webhooks) */
    TARGET_ALERTMANAGER, /* what Alertmanager sends to its webhooks, version 4 */
    TARGET_SLACK,        /* {"text": ...}, which Mattermost and others take too */
    TARGET_PAGERDUTY,    /* Events API v2 */
    TARGET_EMAIL,        /* SMTP */
};

extern const char *const target_kind_names[]; /* ends with NULL */

struct notify_target {
    const char *name; /* unique: deliveries go by it */
    int kind;         /* enum target_kind */
    const char *url;  /* of the receiver, or of the mail server; PagerDuty has one of its own */
    /* A file whose first line is the secret: a webhook's signing key "whsec_...", PagerDuty's
     * routing key, the password for the mail server. A Slack url is a secret itself: url_file. */
    const char *secret_file, *url_file;
    const char *username, *from; /* e-mail */
    struct texts to;
    int severity;       /* enum severity: the least it wants; -1: all */
    struct texts kinds; /* "proposal.created", or "proposal." for all of a kind; none: all */
    const char *quiet_from, *quiet_until; /* "22:00", UTC; NULL: never quiet */
    const char *digest_at;                /* "07:30", UTC: once a day; NULL: one by one */
};

struct notify_settings {
    struct records targets; /* struct notify_target */
    int64_t timeout_ms;
    int64_t dedupe_minutes;
    int64_t keep_days;
};

extern const struct field notify_settings_fields[];

struct notify_settings notify_settings_default(void);

/* What the fields' own checks cannot see: names that are twice there, a url or an address that is
 * missing for the kind. One problem for each, at "notify.targets[N]". */
void notify_settings_check(const struct notify_settings *settings, struct problems *problems);

/* NULL when no target has that name. */
const struct notify_target *notify_target(const struct notify_settings *settings, const char *name);

/* Whether it wants to hear of a notice of that kind and severity. */
bool notify_wants(const struct notify_target *target, const char *kind, enum severity severity);

#endif
