#include "domain/notary/notary.h"

#include "base/log.h"
#include "domain/audit/audit.h"

#define AUDIT_WORKER "AuditWorker"
#define AUDIT_QUEUE  "maintenance"
#define PRUNE_BATCH  1000
#define ACTIVATED    "policy.activated"

const struct field audit_settings_fields[] = {
    {"keep_days", FIELD_INT, offsetof(struct audit_settings, keep_days), .min = 0, .max = 36500},
    FIELD_END,
};

/* -- pruning ---------------------------------------------------------------------------------- */

struct prune_work {
    const struct env *env;
    const struct notary *notary;
    int64_t before, deleted;
};

static enum err prune_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct prune_work *w = arg;
    _cleanup_arena_ struct arena arena = {0};
    return audit_prune(tx, w->env, w->notary->key, w->before, PRUNE_BATCH, &arena, &w->deleted, e);
}

static enum err prune(const struct env *env, const struct notary *n, struct error *e)
{
    struct prune_work w = {env, n, env_now(env) - n->settings->keep_days * USEC_PER_DAY, 0};
    if (n->settings->keep_days == 0)
        return OK;
    do
        TRY(db_write_relaxed(env->db, prune_work, &w, e));
    while (w.deleted == PRUNE_BATCH);
    return OK;
}

/* -- telling ---------------------------------------------------------------------------------- */

struct tell_work {
    const struct env *env;
    const struct notary *notary;
};

static enum err tell_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct tell_work *w = arg;
    _cleanup_arena_ struct arena arena = {0};
    char text[AUDIT_LINK_TEXT_MAX];
    struct audit_head head;
    TRY(audit_head_read(tx, w->notary->key, &head, e));
    (void)audit_link_text(&head.last, text);
    log_info("the audit record's head, for webhost audit verify --expect", LOG_TEXT("head", text));
    _cleanup_json_ json_t *details =
        json_pack("{s:I, s:s}", "seq", (json_int_t)head.last.seq, "hash", head.last.hash);
    struct notice notice = {
        .kind = "audit.head",
        .text = arena_printf(&arena,
                             "The audit record ends at %s. Keep this: webhost audit verify "
                             "--expect %s",
                             text, text),
        .details = details,
    };
    return notify(tx, w->env, w->notary->notify, &notice, &arena, e);
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    const struct notary *n = run->ctx;
    struct tell_work w = {run->env, n};
    if (prune(run->env, n, e) != OK || audit_seal(run->env, n->key, NULL, e) != OK ||
        db_write(run->env->db, tell_work, &w, e) != OK)
        return JOB_RETRY;
    return JOB_DONE;
}

struct job_worker notary_worker(const struct notary *notary)
{
    return (struct job_worker){AUDIT_WORKER, AUDIT_QUEUE, perform, NULL, (void *)(uintptr_t)notary};
}

struct cron notary_cron(void)
{
    return (struct cron){
        .name = "audit",
        .when = "41 3 * * *",
        .spec = {.worker = AUDIT_WORKER, .queue = AUDIT_QUEUE, .args = "{}", .unique_key = "audit"},
    };
}

/* -- the policy ------------------------------------------------------------------------------- */

struct policy_work {
    const struct env *env;
    const struct policy *policy;
};

static enum err policy_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct policy_work *w = arg;
    _cleanup_arena_ struct arena arena = {0};
    const char *latest;
    _cleanup_json_ json_t *details =
        json_pack("{s:s, s:s}", "name", w->policy->name, "sha256", w->policy->sha256);
    const char *text = json_text(details, &arena);
    TRY(audit_latest(tx, ACTIVATED, &arena, &latest, e));
    if (text_eq(latest, text))
        return OK;
    return audit_write(tx, w->env, &arena, "system", ACTIVATED, w->policy->name, text, e);
}

enum err notary_record_policy(const struct env *env, const struct policy *policy, struct error *e)
{
    struct policy_work w = {env, policy};
    return db_write(env->db, policy_work, &w, e);
}
