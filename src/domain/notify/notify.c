#include "domain/notify/notify.h"

#include "base/log.h"
#include "infra/http/client.h"

#define NOTIFICATION_WORKER "NotificationWorker"
#define ATTEMPTS            10
#define WEBHOOKS_MAX        10
#define URL_MAX             2000
#define REPLY_MAX           ((size_t)64 << 10)
#define NOBODY              (-1)

static const char *url_check(const char *text)
{
    struct str s = str_from(text);
    return str_starts_with(s, STR("https://")) || str_starts_with(s, STR("http://"))
               ? NULL
               : "must be an http or https URL";
}

const struct field notify_settings_fields[] = {
    {"webhook_urls", FIELD_TEXTS, offsetof(struct notify_settings, webhook_urls),
     .max = WEBHOOKS_MAX, .max_len = URL_MAX, .check = url_check},
    {"timeout_ms", FIELD_INT, offsetof(struct notify_settings, timeout_ms), .min = 100,
     .max = 60000},
    FIELD_END,
};

struct notify_settings notify_settings_default(void)
{
    return (struct notify_settings){.timeout_ms = 10000};
}

/* -- enqueueing -------------------------------------------------------------------------------- */

/* The place is a number: an URL may hold a secret, and jobs can be looked at. */
static struct job_spec spec_of(const struct notice *notice, int64_t place, int64_t now,
                               struct arena *arena)
{
    char at[TIME_TEXT_MAX];
    json_t *body = json_pack("{s:s, s:s, s:s?, s:s, s:O?}", "kind", notice->kind, "at",
                             time_text(now, at), "customer_id", notice->customer_id, "text",
                             notice->text, "details", notice->details);
    _cleanup_json_ json_t *args =
        json_pack("{s:I, s:o}", "webhook", (json_int_t)place, "notice", body);
    BUG_ON(!args);
    return (struct job_spec){
        .worker = NOTIFICATION_WORKER,
        .queue = NOTIFY_QUEUE,
        .max_attempts = ATTEMPTS,
        .customer_id = notice->customer_id,
        .args = json_text(args, arena),
    };
}

enum err notify(struct db_tx *tx, const struct env *env, const struct notify_settings *settings,
                const struct notice *notice, struct arena *arena, struct error *e)
{
    struct job_spec specs[WEBHOOKS_MAX];
    size_t count = settings->webhook_urls.count;
    int64_t now = env_now(env);
    BUG_ON(count > WEBHOOKS_MAX);
    for (size_t i = 0; i < count; i++)
        specs[i] = spec_of(notice, (int64_t)i, now, arena);
    if (count == 0)
        specs[count++] = spec_of(notice, NOBODY, now, arena);
    return job_enqueue_many(tx, env, specs, count, NULL, e);
}

/* -- the worker -------------------------------------------------------------------------------- */

struct notify_args {
    int64_t webhook;
    const char *notice;
};

static const struct field args_fields[] = {
    {"webhook", FIELD_INT, offsetof(struct notify_args, webhook), .required = true, .min = NOBODY,
     .max = WEBHOOKS_MAX},
    {"notice", FIELD_JSON, offsetof(struct notify_args, notice), .required = true},
    FIELD_END,
};

static enum job_result log_notice(const char *text, struct error *e)
{
    _cleanup_json_ json_t *notice = NULL;
    if (json_parse(str_from(text), &notice, e) != OK)
        return JOB_FAIL;
    log_warn("somebody should know: set notify.webhook_urls to have it sent",
             LOG_TEXT("kind", json_get_text(notice, "kind")),
             LOG_TEXT("customer", json_get_text(notice, "customer_id")),
             LOG_TEXT("text", json_get_text(notice, "text")));
    return JOB_DONE;
}

/* Errors of the client name the URL, whose secret parts are nobody's business: they stay here. */
static enum job_result post(const struct notify_settings *settings, const struct notify_args *args,
                            struct arena *arena, struct error *e)
{
    struct http_call call = {
        .method = HTTP_POST,
        .url = settings->webhook_urls.items[args->webhook],
        .body = str_from(args->notice),
        .timeout_us = settings->timeout_ms * USEC_PER_MS,
        .reply_max = REPLY_MAX,
    };
    long long number = args->webhook + 1;
    struct http_reply reply;
    struct http_client *client = http_client_new();
    enum err err = http_client_call(client, &call, arena, &reply, NULL, e);
    http_client_free(client);
    if (err == OK && reply.status >= 200 && reply.status < 300)
        return JOB_DONE;
    if (err == OK)
        (void)error_set(e, ERR_UNAVAILABLE, "webhook %lld answered %d", number, reply.status);
    else
        (void)error_set(e, err, "webhook %lld %s", number,
                        err == ERR_TIMEOUT ? "did not answer in time" : "could not be reached");
    return JOB_RETRY;
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    const struct notify_settings *settings = run->ctx;
    struct notify_args args;
    struct problems problems = {.arena = run->arena};
    record_clear(args_fields, &args);
    if (json_decode_text(args_fields, str_from(run->job->args), run->arena, &args, &problems, e) !=
        OK)
        return JOB_FAIL;
    if (args.webhook == NOBODY || args.webhook >= (int64_t)settings->webhook_urls.count)
        return log_notice(args.notice, e); /* or the place is not configured any more */
    return post(settings, &args, run->arena, e);
}

struct job_worker notification_worker(const struct notify_settings *settings)
{
    return (struct job_worker){NOTIFICATION_WORKER, NOTIFY_QUEUE, perform, NULL,
                               (void *)(uintptr_t)settings};
}
