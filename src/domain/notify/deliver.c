#include "domain/notify/deliver.h"

#include "base/log.h"
#include "domain/notify/message.h"
#include "infra/http/client.h"
#include "infra/http/mail.h"
#include "infra/secrets/webhook.h"
#include "notify.sql.h"

#define NOTIFICATION_WORKER "NotificationWorker"
#define ATTEMPTS            10
#define DIGEST_MAX          200 /* notices in one message */
#define REPLY_MAX           ((size_t)64 << 10)
#define PAGERDUTY_URL       "https://events.pagerduty.com/v2/enqueue"

struct deliver_args {
    const char *target;    /* NULL: the log */
    const char *notice_id; /* NULL: a digest */
    int64_t due_at;        /* of a digest */
};

static const struct field args_fields[] = {
    {"target", FIELD_TEXT, offsetof(struct deliver_args, target)},
    {"notice_id", FIELD_TEXT, offsetof(struct deliver_args, notice_id)},
    {"due_at", FIELD_INT, offsetof(struct deliver_args, due_at)},
    FIELD_END,
};

static const char *args_text(const struct deliver_args *args, struct arena *arena)
{
    _cleanup_json_ json_t *json = json_encode(args_fields, args, JSON_OMIT_ABSENT);
    return json_text(json, arena);
}

struct job_spec deliver_one(const char *target, const char *notice_id, const char *customer_id,
                            struct arena *arena)
{
    struct deliver_args args = {target, notice_id, INT_ABSENT};
    return (struct job_spec){
        .worker = NOTIFICATION_WORKER,
        .queue = NOTIFY_QUEUE,
        .max_attempts = ATTEMPTS,
        .customer_id = customer_id,
        .args = args_text(&args, arena),
    };
}

struct job_spec deliver_digest(const char *target, int64_t due, int64_t now, struct arena *arena)
{
    struct deliver_args args = {target, NULL, due};
    return (struct job_spec){
        .worker = NOTIFICATION_WORKER,
        .queue = NOTIFY_QUEUE,
        .max_attempts = ATTEMPTS,
        .args = args_text(&args, arena),
        .delay_us = due - now,
        .unique_key = arena_printf(arena, "digest:%s:%lld", target, (long long)due),
    };
}

/* -- one run ----------------------------------------------------------------------------------- */

struct delivering {
    struct job_run *run;
    const struct notify_settings *settings;
    const struct notify_target *target; /* NULL: the log */
    struct deliver_args args;
    struct message message;
    const struct notice_record *notices;
    size_t count;

    /* How it ended, for the record. */
    enum delivery_state state;
    int64_t sent_at;
    const char *error;
};

static enum err read_args(struct job_run *run, struct deliver_args *args, struct error *e)
{
    struct problems problems = {.arena = run->arena};
    record_clear(args_fields, args);
    TRY(json_decode_text(args_fields, str_from(run->job->args), run->arena, args, &problems, e));
    if (!args->notice_id && (!args->target || args->due_at == INT_ABSENT))
        return error_set(e, ERR_INVALID, "the job names neither a notice nor a digest");
    return OK;
}

static enum err find_one(struct db_tx *tx, struct delivering *d, struct error *e)
{
    struct notice_record *notice = arena_new(d->run->arena, struct notice_record);
    int64_t waiting = 1;
    TRY(notice_find(tx, d->args.notice_id, d->run->arena, notice, e));
    if (d->args.target)
        TRY(db_get_int(tx, &delivery_is_waiting,
                       DB_ARGS(db_text(notice->id), db_text(d->args.target)), &waiting, e));
    d->notices = notice;
    d->count = waiting > 0;
    return OK;
}

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct delivering *d = arg;
    if (d->args.notice_id)
        return find_one(tx, d, e);
    struct records due;
    TRY(db_list(tx, &notices_due,
                DB_ARGS(db_text(d->args.target), db_int(d->args.due_at), db_int(DIGEST_MAX)),
                notice_fields, sizeof(struct notice_record), DIGEST_MAX, d->run->arena, &due, e));
    d->notices = due.items;
    d->count = due.count;
    return OK;
}

/* Waiting or failed with the error, or sent. */
static enum err end_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct delivering *d = arg;
    for (size_t i = 0; i < d->count; i++)
        TRY(db_exec(tx, &delivery_end,
                    DB_ARGS(db_text(d->notices[i].id), db_text(d->args.target),
                            db_text(delivery_state_names[d->state]), db_int(d->sent_at),
                            db_text(d->error)),
                    NULL, e));
    return OK;
}

static enum err record_end(struct delivering *d, enum delivery_state state, const char *why,
                           struct error *e)
{
    d->state = state;
    d->sent_at = state == DELIVERY_SENT ? env_now(d->run->env) : INT_ABSENT;
    d->error = why;
    return db_write(d->run->env->db, end_work, d, e);
}

/* -- the ways ---------------------------------------------------------------------------------- */

static void log_notice(const struct notice_record *n)
{
    log_warn("somebody should know: set notify.targets to have it sent", LOG_TEXT("kind", n->kind),
             LOG_TEXT("customer", n->customer_id), LOG_TEXT("text", n->text));
}

static enum err read_secret(const char *file, struct secret **ret, struct error *e)
{
    *ret = NULL;
    return file ? secret_from_file(file, ret, e) : OK;
}

static enum err send_mail(const struct delivering *d, const struct secret *password,
                          struct error *e)
{
    const struct notify_target *t = d->target;
    struct arena *arena = d->run->arena;
    struct mail mail = {
        .server = t->url,
        .username = t->username,
        .password = password,
        .from = t->from,
        .to = t->to,
        .subject = message_subject(&d->message, arena),
        .text = message_plain(&d->message, arena),
        .id = d->message.id,
        .at_us = d->message.at,
        .timeout_us = d->settings->timeout_ms * USEC_PER_MS,
    };
    return mail_send(&mail, e);
}

/* Errors of the client name the URL, whose secret parts are nobody's business: they stay here. */
static enum err post(const struct delivering *d, const char *url, struct str body,
                     const struct http_pair *headers, size_t header_count, struct error *e)
{
    struct http_call call = {
        .method = HTTP_POST,
        .url = url,
        .headers = headers,
        .header_count = header_count,
        .body = body,
        .timeout_us = d->settings->timeout_ms * USEC_PER_MS,
        .reply_max = REPLY_MAX,
    };
    struct http_reply reply;
    struct http_client *client = http_client_new();
    enum err err = http_client_call(client, &call, d->run->arena, &reply, NULL, e);
    http_client_free(client);
    if (err == OK && reply.status >= 200 && reply.status < 300)
        return OK;
    if (err == OK)
        return error_set(e, ERR_UNAVAILABLE, "target %s answered %d", d->target->name,
                         reply.status);
    return error_set(e, err, "target %s %s", d->target->name,
                     err == ERR_TIMEOUT   ? "did not answer in time"
                     : err == ERR_INVALID ? "has a url that is none"
                                          : "could not be reached");
}

/* The headers of Standard Webhooks; the signature only with a secret. */
static enum err send_json(const struct delivering *d, const char *url, const struct secret *secret,
                          struct error *e)
{
    struct arena *arena = d->run->arena;
    const struct message *m = &d->message;
    enum target_kind kind = (enum target_kind)d->target->kind;
    struct str body = str_from(message_json(kind, m, d->target->name, secret, arena));
    int64_t now_s = env_now(d->run->env) / USEC_PER_SEC;
    struct http_pair headers[] = {
        {"webhook-id", m->id},
        {"webhook-timestamp", arena_printf(arena, "%lld", (long long)now_s)},
        {"webhook-signature", NULL},
    };
    size_t count = kind == TARGET_WEBHOOK || kind == TARGET_ALERTMANAGER ? 2 : 0;
    if (count && secret)
        TRY(webhook_sign(secret, m->id, now_s, body, arena, &headers[count++].value, e));
    return post(d, url, body, headers, count, e);
}

static enum err send_with(const struct delivering *d, const struct secret *url,
                          const struct secret *secret, struct error *e)
{
    const struct notify_target *t = d->target;
    if (t->kind == TARGET_EMAIL)
        return send_mail(d, secret, e);
    const char *to = url ? secret_expose(url) : t->url ? t->url : PAGERDUTY_URL;
    return send_json(d, to, secret, e);
}

static enum err deliver(struct delivering *d, struct error *e)
{
    struct secret *url = NULL, *secret = NULL;
    enum err err = read_secret(d->target->url_file, &url, e);
    if (err == OK)
        err = read_secret(d->target->secret_file, &secret, e);
    if (err == OK)
        err = send_with(d, url, secret, e);
    secret_free(url);
    secret_free(secret);
    return err;
}

/* -- the worker -------------------------------------------------------------------------------- */

static void make_message(struct delivering *d)
{
    const char *digest =
        arena_printf(d->run->arena, "digest-%s-%lld", d->args.target, (long long)d->args.due_at);
    d->message = (struct message){
        .id = d->args.notice_id ? d->args.notice_id : digest,
        .at = d->args.notice_id ? d->notices[0].created_at : d->args.due_at,
        .notices = d->notices,
        .count = d->count,
    };
}

static enum job_result send_and_record(struct delivering *d, struct error *e)
{
    struct error why;
    make_message(d);
    if (deliver(d, &why) == OK)
        return record_end(d, DELIVERY_SENT, NULL, e) == OK ? JOB_DONE : JOB_RETRY;
    if (record_end(d, DELIVERY_WAITING, why.text, e) != OK)
        return JOB_RETRY;
    *e = why;
    return JOB_RETRY;
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    struct delivering d = {.run = run, .settings = run->ctx};
    if (read_args(run, &d.args, e) != OK)
        return JOB_FAIL;
    enum err err = db_read(run->env->db, find_work, &d, e);
    if (err != OK)
        return err == ERR_NOT_FOUND ? JOB_FAIL : JOB_RETRY;
    if (d.count == 0)
        return JOB_DONE;
    if (!d.args.target) {
        log_notice(&d.notices[0]);
        return JOB_DONE;
    }
    d.target = notify_target(d.settings, d.args.target);
    if (!d.target)
        return record_end(&d, DELIVERY_FAILED, "the target is not configured any more", e) == OK
                   ? JOB_DONE
                   : JOB_RETRY;
    return send_and_record(&d, e);
}

static enum err discarded(struct db_tx *tx, struct job_run *run, const char *why, struct error *e)
{
    struct deliver_args args;
    TRY(read_args(run, &args, e));
    if (!args.target)
        return OK;
    if (!args.notice_id)
        return db_exec(tx, &delivery_give_up,
                       DB_ARGS(db_text(args.target), db_int(args.due_at), db_text(why)), NULL, e);
    return db_exec(tx, &delivery_end,
                   DB_ARGS(db_text(args.notice_id), db_text(args.target),
                           db_text(delivery_state_names[DELIVERY_FAILED]), db_int(INT_ABSENT),
                           db_text(why)),
                   NULL, e);
}

struct job_worker notification_worker(const struct notify_settings *settings)
{
    return (struct job_worker){NOTIFICATION_WORKER, NOTIFY_QUEUE, perform, discarded,
                               (void *)(uintptr_t)settings};
}
