/*
 * Both clouds: whether they can be reached, what their tokens may do, what time they have.
 *
 * At Hetzner a token that may only read is found by a request that makes nothing in any case: an
 * order without a single field. A token that may write gets it refused as incomplete, the other as
 * not allowed. Fly has no such request that is sure to make nothing.
 */
#include "app/daemon/config.h"
#include "app/daemon/doctor.h"
#include "infra/http/client.h"
#include "infra/secrets/secret.h"

#include <time.h>

#define CALL_US (15 * USEC_PER_SEC)

struct look {
    const char *name; /* of the cloud */
    const char *endpoint, *token_file, *variable;
    const char *path;       /* a GET that any token may */
    const char *order_path; /* a POST of {} that is refused; NULL: none */
};

struct patient {
    const struct look *look;
    const struct clock *clock;
    struct doctor_report *report;
    struct http_client *http;
    struct secret *token;
};

static const char *check_name(const struct patient *p, const char *what)
{
    return arena_printf(p->report->arena, "%s %s", p->look->name, what);
}

static bool read_token(struct patient *p)
{
    struct error e;
    const char *check = check_name(p, "token");
    const char *value = getenv(p->look->variable);
    if (p->look->token_file && secret_from_file(p->look->token_file, &p->token, &e) != OK)
        doctor_add(p->report, check, FINDING_FAIL, "write the token into the file, mode 0600", "%s",
                   e.text);
    else if (!p->look->token_file && value && *value)
        p->token = secret_new(str_from(value));
    else if (!p->look->token_file)
        doctor_add(p->report, check, FINDING_WARN,
                   "set it, or token_file in the configuration; jobs at this cloud fail without",
                   "%s is not set", p->look->variable);
    return p->token != NULL;
}

static enum err ask(struct patient *p, enum http_method method, const char *path, const char *body,
                    struct http_reply *ret, int64_t *ret_took_us, struct error *e)
{
    struct timespec begin, end;
    struct http_call call = {
        .method = method,
        .url = arena_printf(p->report->arena, "%s%s", p->look->endpoint, path),
        .bearer = p->token,
        .body = str_from(body),
        .timeout_us = CALL_US,
    };
    BUG_ON(clock_gettime(CLOCK_MONOTONIC, &begin) != 0);
    TRY(http_client_call(p->http, &call, p->report->arena, ret, NULL, e));
    BUG_ON(clock_gettime(CLOCK_MONOTONIC, &end) != 0);
    *ret_took_us =
        (int64_t)(end.tv_sec - begin.tv_sec) * USEC_PER_SEC + (end.tv_nsec - begin.tv_nsec) / 1000;
    return OK;
}

static void judge_endpoint(struct patient *p, int64_t took_us)
{
    bool is_tls = str_starts_with(str_from(p->look->endpoint), STR("https://"));
    doctor_add(p->report, check_name(p, "endpoint"), is_tls ? FINDING_OK : FINDING_WARN,
               is_tls ? NULL : "outside of tests use https: the token is sent as it is",
               "%s answered in %lld ms%s", p->look->endpoint, (long long)(took_us / USEC_PER_MS),
               is_tls ? ", its certificate is valid" : ", without TLS");
}

static void judge_clock(struct patient *p, const struct http_reply *reply)
{
    const char *date = http_reply_header(reply, "Date");
    int64_t theirs;
    if (date && http_date_parse(date, &theirs))
        doctor_compare_clock(p->report, check_name(p, "clock"), theirs, clock_now(p->clock));
}

/* Whether a token that may read may also write. */
static void judge_order(struct patient *p)
{
    struct http_reply reply;
    struct error e;
    int64_t took;
    const char *check = check_name(p, "token");
    if (!p->look->order_path) {
        doctor_add(p->report, check, FINDING_OK, NULL, "is accepted");
        return;
    }
    if (ask(p, HTTP_POST, p->look->order_path, "{}", &reply, &took, &e) != OK)
        doctor_add(p->report, check, FINDING_WARN, NULL, "may read; %s", e.text);
    else if (reply.status == 401 || reply.status == 403)
        doctor_add(p->report, check, FINDING_FAIL, "make one that may read and write",
                   "may read and not write");
    else
        doctor_add(p->report, check, FINDING_OK, NULL, "may read and write");
}

static void judge_token(struct patient *p, int status)
{
    const char *check = check_name(p, "token");
    if (status >= 200 && status <= 299)
        judge_order(p);
    else if (status == 401)
        doctor_add(p->report, check, FINDING_FAIL, "it was mistyped or revoked: make a new one",
                   "the cloud does not know it (401)");
    else if (status == 403 || status == 404)
        doctor_add(p->report, check, FINDING_FAIL, "give it the rights, or name another project",
                   "it may not look at what is configured (%d)", status);
    else
        doctor_add(p->report, check, FINDING_WARN, "try again later",
                   "the cloud answered %d: nothing is known about the token", status);
}

static void examine(const struct look *look, const struct clock *clock,
                    struct doctor_report *report)
{
    struct patient p = {look, clock, report, http_client_new(), NULL};
    struct http_reply reply;
    struct error e;
    int64_t took;
    bool has_token = read_token(&p);
    if (ask(&p, HTTP_GET, look->path, NULL, &reply, &took, &e) != OK) {
        doctor_add(report, check_name(&p, "endpoint"), FINDING_FAIL,
                   "look at the network, the proxy and the endpoint's spelling", "%s", e.text);
    } else {
        judge_endpoint(&p, took);
        judge_clock(&p, &reply);
        if (has_token)
            judge_token(&p, reply.status);
    }
    secret_free(p.token);
    http_client_free(p.http);
}

void doctor_clouds(const struct config *config, const struct clock *clock,
                   struct doctor_report *report)
{
    const struct provisioning_settings *s = &config->provisioning;
    const struct look hetzner = {
        .name = "hetzner",
        .endpoint = s->hetzner.endpoint,
        .token_file = s->hetzner.token_file,
        .variable = "HCLOUD_TOKEN",
        .path = "/servers?per_page=1",
        .order_path = "/servers",
    };
    const struct look fly = {
        .name = "fly",
        .endpoint = s->fly.endpoint,
        .token_file = s->fly.token_file,
        .variable = "FLY_API_TOKEN",
        .path = arena_printf(report->arena, "/apps?org_slug=%s", s->fly.org),
    };
    examine(&hetzner, clock, report);
    examine(&fly, clock, report);
}
