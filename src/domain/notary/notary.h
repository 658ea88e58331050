/*
 * What is done about the audit record once a day, and at the start of a process.
 *
 * AuditWorker prunes what is older than the settings keep, and tells the head (audit/seal.h) to
 * places that whoever can write to the database does not reach: the log, and wherever notices go.
 * With one of these heads `webhost audit verify --expect` finds a record that was cut off or
 * written anew as a whole.
 */
#ifndef WEBHOST_DOMAIN_NOTARY_NOTARY_H
#define WEBHOST_DOMAIN_NOTARY_NOTARY_H

#include "domain/audit/seal.h"
#include "domain/jobs/cron.h"
#include "domain/notify/notify.h"
#include "domain/placement/policy.h"

struct audit_settings {
    int64_t keep_days; /* 0: for ever */
};

/* The part `audit:` of the configuration file. */
extern const struct field audit_settings_fields[];

/* What the worker works with; all of it must outlive it. */
struct notary {
    const struct secret *key;
    const struct audit_settings *settings;
    const struct notify_settings *notify;
};

struct job_worker notary_worker(const struct notary *notary);

struct cron notary_cron(void);

/* Records that this policy is the active one, unless it was when somebody last looked. */
enum err notary_record_policy(const struct env *env, const struct policy *policy, struct error *e);

#endif
