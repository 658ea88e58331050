#include "domain/provisioning/cloud.h"

#include "domain/provisioning/provider.h"
#include "domain/provisioning/traffic.h"

#define REQUEST_MAX (1u << 20)

/* -- lifecycle -------------------------------------------------------------------------------- */

/* FNV-1a, which http://www.isthe.com/chongo/tech/comp/fnv describes. */
static uint64_t hash_text(uint64_t hash, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t account_of(enum infrastructure provider, const struct secret *token)
{
    char hex[HASH_TEXT_MAX];
    (void)sha256_hex(str_from(token ? secret_expose(token) : ""), hex);
    uint64_t hash = hash_text(HASH_START, hex, sizeof(hex) - 1);
    const char *name = infrastructure_names[provider];
    return hash_text(hash, name, strlen(name));
}

void cloud_open(struct cloud *cloud, const struct provisioning *with,
                const struct cloud_dialect *dialect, const char *subject, const char *customer_id)
{
    const struct provisioning_settings *s = with->settings;
    bool hetzner = dialect->infrastructure == HETZNER;
    BUG_ON(!with->traffic || !with->install_id);
    *cloud = (struct cloud){
        .dialect = dialect,
        .endpoint = hetzner ? s->hetzner.endpoint : s->fly.endpoint,
        .token = hetzner ? with->hetzner_token : with->fly_token,
        .timeout_us = s->call_timeout_ms * USEC_PER_MS,
        .http = http_client_new(),
        .env = with->env,
        .traffic = with->traffic,
        .install_id = with->install_id,
        .subject = subject,
        .customer_id = customer_id,
        .wait_us = s->call_wait_ms * USEC_PER_MS,
    };
    if (dialect->scheme)
        cloud->scheme = dialect->scheme(cloud->token);
    cloud->account = account_of(dialect->infrastructure, cloud->token);
}

void cloud_close(struct cloud *cloud)
{
    http_client_free(cloud->http);
    cloud->http = NULL;
}

/* -- one attempt ------------------------------------------------------------------------------ */

/* One request and what became of it. */
struct attempt {
    struct cloud *cloud;
    const struct http_call *call;
    const char *what; /* "GET /servers", for sentences */
    struct traffic_call traffic;
    const char *route;
    int64_t number; /* from 1 */
    int64_t began_at;
    bool sent, replied;
    struct http_reply reply;
    json_t *body;             /* of the reply, owned; NULL: none, or it is not JSON */
    const char *code, *words; /* the provider's, within the body */
    enum err err;
};

static int64_t header_number(const struct http_reply *reply, const char *name)
{
    const char *text = http_reply_header(reply, name);
    int64_t value;
    return text && str_to_i64(str_from(text), &value) && value >= 0 ? value : INT_ABSENT;
}

/* How long the provider wants to be left alone, INT_ABSENT when it does not say. */
static int64_t asked_delay(const struct attempt *a, int64_t now)
{
    if (!a->replied)
        return INT_ABSENT;
    int64_t after = header_number(&a->reply, "Retry-After");
    if (after != INT_ABSENT && after < 86400)
        return after * USEC_PER_SEC;
    int64_t left = header_number(&a->reply, "RateLimit-Remaining");
    int64_t reset = header_number(&a->reply, "RateLimit-Reset");
    /* The reset is when all is back; one request is back earlier, which the limiter works out. */
    return left == 0 && reset != INT_ABSENT && reset * USEC_PER_SEC > now ? USEC_PER_SEC
                                                                          : INT_ABSENT;
}

static void tell_traffic(const struct attempt *a)
{
    const struct cloud *cloud = a->cloud;
    struct traffic_reply told = {INT_ABSENT, INT_ABSENT, INT_ABSENT, INT_ABSENT};
    int64_t now = env_now(cloud->env);
    if (a->replied) {
        told.limit = header_number(&a->reply, "RateLimit-Limit");
        told.remaining = header_number(&a->reply, "RateLimit-Remaining");
        int64_t reset = header_number(&a->reply, "RateLimit-Reset");
        if (reset != INT_ABSENT && reset < INT64_MAX / USEC_PER_SEC)
            told.reset_at = reset * USEC_PER_SEC;
        if (a->reply.status == 429) {
            int64_t delay = asked_delay(a, now);
            told.refused_until = now + (delay == INT_ABSENT ? USEC_PER_SEC : delay);
        }
    }
    traffic_answered(cloud->traffic, &a->traffic, cloud->dialect->infrastructure, &told);
}

static void record(const struct attempt *a)
{
    const struct cloud *cloud = a->cloud;
    const struct cloud_dialect *dialect = cloud->dialect;
    const char *id = a->replied ? http_reply_header(&a->reply, dialect->request_id_header) : NULL;
    const char *code = a->code;
    if (!a->replied)
        code = a->sent ? "no_reply" : "no_connection";
    traffic_record(cloud->traffic, &(struct provider_call){
                                       .provider = infrastructure_names[dialect->infrastructure],
                                       .method = http_method_names[a->call->method],
                                       .route = a->route,
                                       .subject = cloud->subject,
                                       .customer_id = cloud->customer_id,
                                       .request_id = id,
                                       .status = a->replied ? a->reply.status : INT_ABSENT,
                                       .outcome = err_name(a->err),
                                       .error_code = code,
                                       .took_us = env_now(cloud->env) - a->began_at,
                                       .attempt = a->number,
                                       .started_at = a->began_at,
                                   });
}

/* Only GET, PUT and DELETE say themselves what the end is to be; repeating them changes nothing. */
static bool is_create(const struct attempt *a)
{
    return a->call->method == HTTP_POST || a->call->method == HTTP_PATCH;
}

static enum err class_of(const struct attempt *a)
{
    const struct http_reply *r = &a->reply;
    for (const struct cloud_error *m = a->cloud->dialect->errors; m->err != OK; m++) {
        if ((m->status == 0 || m->status == r->status) && (!m->code || text_eq(m->code, a->code)))
            return m->err;
    }
    return r->status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
}

static const struct cloud_retry *retry_rule(const struct attempt *a)
{
    for (const struct cloud_retry *r = a->cloud->dialect->retries; r->status || r->code; r++) {
        if ((!r->status || r->status == a->reply.status) &&
            (!r->code || text_eq(r->code, a->code)) && !(r->bare && a->body))
            return r;
    }
    return NULL;
}

/* A reply that is not a success: its class and sentence. */
static enum err judge_refusal(struct attempt *a, struct error *e)
{
    const struct cloud_dialect *dialect = a->cloud->dialect;
    if (a->body)
        dialect->read_error(a->body, &a->code, &a->words);
    enum err err = class_of(a);
    const struct cloud_retry *rule = retry_rule(a);
    if (is_create(a) && rule && !rule->refused)
        err = ERR_TIMEOUT; /* a gateway's word: what stands behind it may have done it */
    return error_set(e, err, "%s answered %d to %s: %s%s%s", dialect->name, a->reply.status,
                     a->what, a->code ? a->code : "", a->code && a->words ? ": " : "",
                     a->words ? a->words : (a->code ? "" : http_status_text(a->reply.status)));
}

static enum err judge(struct attempt *a, enum err err, struct error *e)
{
    const char *name = a->cloud->dialect->name;
    if (err != OK) {
        if (e)
            (void)error_prefix(e, "%s, %s", name, a->what);
        if (err == ERR_UNAVAILABLE && a->sent && is_create(a)) {
            err = ERR_TIMEOUT; /* nobody knows whether it was done */
            if (e)
                e->code = err;
        }
        return err;
    }
    a->replied = true;
    bool success = a->reply.status >= 200 && a->reply.status <= 299;
    if (a->reply.body.len > 0 && json_parse(a->reply.body, &a->body, success ? e : NULL) != OK &&
        success)
        return error_set(e, ERR_CORRUPT, "%s answered %s with something that is not JSON", name,
                         a->what);
    return success ? OK : judge_refusal(a, e);
}

/* -- again and again -------------------------------------------------------------------------- */

static bool may_repeat(const struct attempt *a)
{
    const struct cloud_backoff *b = &a->cloud->dialect->backoff;
    if (a->err == OK || a->number > b->retries)
        return false;
    if (a->replied) {
        const struct cloud_retry *rule = retry_rule(a);
        return rule && (rule->refused || !is_create(a));
    }
    if (is_create(a))
        return false;
    return a->err == ERR_TIMEOUT ||
           (a->err == ERR_UNAVAILABLE && a->sent && b->broken_reads && a->call->method == HTTP_GET);
}

/* Before the attempt after this one. Chance keeps those who failed together from returning so. */
static int64_t delay_after(const struct attempt *a)
{
    const struct cloud *cloud = a->cloud;
    const struct cloud_backoff *b = &cloud->dialect->backoff;
    int64_t low = b->first_us, high = b->cap_us;
    if (b->doubling) {
        high = b->first_us;
        for (int64_t i = 1; i < a->number && high < b->cap_us; i++)
            high *= 2;
        high = high < b->cap_us ? high : b->cap_us;
        low = high / 2;
    }
    int64_t delay = low + traffic_chance(cloud->traffic, high - low + 1);
    int64_t asked = asked_delay(a, env_now(cloud->env));
    return asked != INT_ABSENT && asked > delay ? asked : delay;
}

/* Judges, tells and records one attempt. */
static void try_once(struct attempt *a, struct arena *arena, struct error *e)
{
    struct cloud *cloud = a->cloud;
    a->began_at = env_now(cloud->env);
    enum err err = http_client_call(cloud->http, a->call, arena, &a->reply, &a->sent, e);
    a->err = judge(a, err, e);
    tell_traffic(a);
    record(a);
}

static void forget(struct attempt *a)
{
    json_decref(a->body);
    a->body = NULL;
    a->code = a->words = NULL;
    a->replied = a->sent = false;
}

static enum err call_until(struct attempt *a, struct arena *arena, struct error *e)
{
    struct cloud *cloud = a->cloud;
    struct error own; /* retry_at has to be known, whether the caller wants the sentence or not */
    struct error *out = e ? e : &own;
    for (a->number = 1;; a->number++) {
        forget(a);
        TRY(traffic_admit(cloud->traffic, &a->traffic, cloud->dialect->name, &cloud->wait_us, out));
        try_once(a, arena, out);
        if (!may_repeat(a))
            return a->err;
        int64_t delay = delay_after(a);
        if (!traffic_pause(cloud->traffic, delay, &cloud->wait_us)) {
            if (a->err == ERR_BUSY)
                out->retry_at = env_now(cloud->env) + delay;
            return a->err;
        }
    }
}

/* -- a call ----------------------------------------------------------------------------------- */

static bool rate_is_for(const struct cloud_rate *r, enum http_method method, struct str route)
{
    struct str wanted = str_from(r->route);
    return (r->method == HTTP_METHODS || r->method == method) &&
           (str_ends_with(wanted, STR("/")) ? str_starts_with(route, wanted)
                                            : str_eq(route, wanted));
}

static struct traffic_call traffic_of(const struct cloud *cloud, enum http_method method,
                                      const char *path, const char *route)
{
    struct traffic_call t = {
        .account = cloud->account,
        .budget = cloud->dialect->tells_budget,
        .interactive = cloud->interactive,
    };
    for (const struct cloud_rate *r = cloud->dialect->rates; r->route; r++) {
        if (rate_is_for(r, method, str_from(route))) {
            const char *whose = r->together ? route : path;
            t.bucket = r->size;
            t.operation = hash_text(cloud->account, http_method_names[method],
                                    strlen(http_method_names[method]));
            t.operation = hash_text(t.operation, whose, strcspn(whose, "?"));
            break;
        }
    }
    return t;
}

static void write_body(json_t *body, struct buf *out)
{
    if (!body)
        return;
    bool fitted = json_write(body, 0, out);
    json_decref(body);
    BUG_ON(!fitted);
}

enum err cloud_call(struct cloud *cloud, enum http_method method, const char *path, json_t *body,
                    struct arena *arena, json_t **ret_body, struct error *e)
{
    _cleanup_buf_ struct buf text = BUF_INIT(REQUEST_MAX);
    write_body(body, &text);
    const struct http_call call = {
        .method = method,
        .url = arena_printf(arena, "%s%s", cloud->endpoint, path),
        .headers = &cloud->header,
        .header_count = cloud->header.name ? 1 : 0,
        .bearer = cloud->token,
        .scheme = cloud->scheme,
        .body = buf_str(&text),
        .timeout_us = cloud->timeout_us,
    };
    struct attempt a = {
        .cloud = cloud,
        .call = &call,
        .what = arena_printf(arena, "%s %s", http_method_names[method], path),
        .route = route_template(path, cloud->dialect->names, arena),
    };
    a.traffic = traffic_of(cloud, method, path, a.route);
    enum err err = call_until(&a, arena, e);
    if (err == OK && ret_body)
        *ret_body = a.body;
    else
        json_decref(a.body);
    return err;
}
