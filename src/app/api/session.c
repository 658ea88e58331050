#include "app/api/session.h"

#include "app/api/attempts.h"

#include <inttypes.h>
#include <strings.h>

#define COOKIE_SECURE "__Host-" SESSION_COOKIE

/* -- what a request says of where it comes from ------------------------------------------------ */

static bool is_loopback(const char *address)
{
    return text_eq(address, "::1") || str_starts_with(str_from(address), STR("127."));
}

/* Whether the browser speaks TLS to whoever is in front of us. */
static bool is_secure(const struct api_call *call)
{
    const char *proto = http_header(call->request, "X-Forwarded-Proto");
    if (call->api->sessions->behind_tls)
        return true;
    return proto && is_loopback(call->request->peer) && strcasecmp(proto, "https") == 0;
}

/* Whom the attempts count for: behind a proxy on this machine, whom the proxy saw. */
static const char *client_address(const struct http_request *request)
{
    const char *forwarded = http_header(request, "X-Forwarded-For");
    if (!forwarded || !is_loopback(request->peer))
        return request->peer;
    struct str rest = str_from(forwarded), last = rest;
    while (rest.ptr)
        last = str_cut(&rest, ','); /* the proxy adds to the end; what is before it anybody says */
    last = str_trim(last);
    return arena_text_n(request->arena, last.ptr, last.len);
}

/* "https://a.example:8443" has the host "a.example:8443". */
static bool origin_is_host(const char *origin, const char *host)
{
    const char *mark = strstr(origin, "://");
    return mark && host && strcasecmp(mark + 3, host) == 0;
}

/* Browsers from before Sec-Fetch-Site send an Origin with every POST; no browser sends neither. */
static bool is_same_origin(const struct http_request *request)
{
    const char *site = http_header(request, "Sec-Fetch-Site");
    const char *origin = http_header(request, "Origin");
    if (site)
        return text_eq(site, "same-origin");
    return !origin || origin_is_host(origin, http_header(request, "Host"));
}

/* -- the cookie -------------------------------------------------------------------------------- */

static const char *cookie_name(const struct api_call *call)
{
    return is_secure(call) ? COOKIE_SECURE : SESSION_COOKIE;
}

const char *session_of_request(const struct api_call *call)
{
    const char *header = http_header(call->request, "Cookie");
    struct str rest = str_from(header), wanted = str_from(cookie_name(call));
    while (rest.ptr) {
        struct str value = str_cut(&rest, ';');
        struct str name = str_trim(str_cut(&value, '='));
        if (value.ptr && str_eq(name, wanted)) {
            value = str_trim(value);
            return arena_text_n(call->arena, value.ptr, value.len);
        }
    }
    return NULL;
}

static void set_cookie(struct api_call *call, const char *text, int64_t seconds)
{
    call->cookie =
        arena_printf(call->arena, "%s=%s; Path=/; Max-Age=%" PRId64 "; HttpOnly; SameSite=Strict%s",
                     cookie_name(call), text, seconds, is_secure(call) ? "; Secure" : "");
}

/* -- writes ------------------------------------------------------------------------------------ */

enum err session_check_write(const struct api_call *call, const char *session, struct error *e)
{
    char wanted[HASH_TEXT_MAX];
    const char *given = http_header(call->request, "X-CSRF-Token");
    if (!is_same_origin(call->request))
        return error_set(e, ERR_DENIED, "this request was made by a page of another site");
    if (!given || !secret_text_eq(given, session_csrf(str_from(session), wanted)))
        return error_set(e, ERR_DENIED,
                         "a request with a cookie needs the session's X-CSRF-Token; GET "
                         "/api/session tells it");
    return OK;
}

/* -- handlers ---------------------------------------------------------------------------------- */

struct sign_in_request {
    const char *token;
};

static const struct field sign_in_fields[] = {
    {"token", FIELD_TEXT, offsetof(struct sign_in_request, token), .required = true,
     .help = "an API token, wh_..."},
    FIELD_END,
};

const struct api_body api_sign_in_body = {
    sign_in_fields,
    sizeof(struct sign_in_request),
    "{\"token\":\"wh_...\"}",
};

static json_t *session_json(const struct api_call *call, const char *session, int64_t expires_at)
{
    char csrf[HASH_TEXT_MAX], until[TIME_TEXT_MAX];
    const struct token *token = &call->token;
    json_t *out = json_pack("{s:s, s:s, s:s}", "token_id", token->id, "name", token->name, "role",
                            token_role_names[token->role]);
    bool is_session = session && expires_at != INT_ABSENT;
    (void)json_object_set_new(out, "expires_at",
                              is_session ? json_string(time_text(expires_at, until)) : json_null());
    (void)json_object_set_new(out, "csrf_token",
                              is_session ? json_string(session_csrf(str_from(session), csrf))
                                         : json_null());
    return out;
}

struct sign_in {
    struct api_call *call;
    char session[TOKEN_TEXT_MAX];
};

static enum err sign_in_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct sign_in *w = arg;
    struct api_call *call = w->call;
    const struct api *api = call->api;
    const struct sign_in_request *request = call->body;
    TRY(token_authenticate(tx, str_trim(str_from(request->token)), call->arena, &call->token, e));
    if (call->token.role == TOKEN_INGEST)
        return error_set(e, ERR_DENIED,
                         "an ingest token sends usage and shows nothing; sign in "
                         "with a viewer's or an admin's");
    return session_open(tx, api->env, &call->token, api->sessions->hours * USEC_PER_HOUR,
                        call->arena, w->session, e);
}

enum err api_sign_in(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct api *api = call->api;
    const char *address = client_address(call->request);
    struct sign_in w = {.call = call};
    if (!is_same_origin(call->request))
        return error_set(e, ERR_DENIED, "this request was made by a page of another site");
    int64_t wait_s = attempts_wait_s(api->attempts, address);
    if (wait_s > 0) {
        call->error_status = 429;
        call->retry_after_s = wait_s;
        return error_set(e, ERR_BUSY, "too many tokens were refused; try again in %" PRId64 " s",
                         wait_s);
    }
    enum err err = db_write(api->env->db, sign_in_work, &w, e);
    if (err == ERR_DENIED) {
        attempts_failed(api->attempts, address);
        call->error_status = 401;
    }
    TRY(err);
    int64_t seconds = api->sessions->hours * 3600;
    set_cookie(call, w.session, seconds);
    api_reply(call, session_json(call, w.session, env_now(api->env) + seconds * USEC_PER_SEC));
    call->status = 201;
    return OK;
}

enum err api_sign_out(struct db_tx *tx, struct api_call *call, struct error *e)
{
    if (call->session)
        TRY(session_close(tx, str_from(call->session), e));
    set_cookie(call, "", 0);
    api_reply(call, json_pack("{s:s}", "status", "signed out"));
    return OK;
}

enum err api_session(struct db_tx *tx, struct api_call *call, struct error *e)
{
    int64_t expires_at = INT_ABSENT;
    if (call->session)
        TRY(session_expiry(tx, str_from(call->session), &expires_at, e));
    api_reply(call, session_json(call, call->session, expires_at));
    return OK;
}
