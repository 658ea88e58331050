#include "infra/http/client.h"

#include "base/clock.h"
#include "infra/http/easy.h"

#include <malloc.h>
#include <pthread.h>
#include <strings.h>

#define USER_AGENT          "webhost/0.1.0"
#define REPLY_MAX_DEFAULT   (4u << 20)
#define REPLY_FIELDS_MAX    100
#define CONNECT_TIMEOUT_MAX (10 * USEC_PER_SEC)
#define HEADER_LINE_MAX     65536

#define SET(option, value) BUG_ON(curl_easy_setopt(curl, (option), (value)) != CURLE_OK)

struct http_client {
    CURL *curl;
};

/* One call while libcurl runs it. */
struct transfer {
    const struct http_call *call;
    CURL *curl;
    bool sink_failed;
    struct arena *arena;
    struct buf body;
    struct http_pair *headers;
    size_t header_count;
    bool too_many_headers;
    struct curl_slist *lines;
    char problem[CURL_ERROR_SIZE];
};

/* --- what comes in --- */

static bool is_success(CURL *curl)
{
    long status = 0;
    BUG_ON(curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK);
    return status >= 200 && status <= 299;
}

static size_t on_reply_body(char *bytes, size_t one, size_t len, void *ctx)
{
    struct transfer *t = ctx;
    (void)one;
    if (t->call->sink && is_success(t->curl)) {
        t->sink_failed = !t->call->sink(t->call->sink_ctx, (struct str){bytes, len});
        return t->sink_failed ? 0 : len;
    }
    return buf_append(&t->body, bytes, len) ? len : 0;
}

static size_t on_reply_header(char *bytes, size_t one, size_t len, void *ctx)
{
    struct transfer *t = ctx;
    (void)one;
    struct str value = {bytes, len};
    if (str_starts_with(value, STR("HTTP/"))) { /* after 100 Continue a second head follows */
        t->header_count = 0;
        return len;
    }
    struct str name = str_cut(&value, ':');
    if (!value.ptr)
        return len; /* the empty line, or nothing that has a name */
    if (t->header_count == REPLY_FIELDS_MAX) {
        t->too_many_headers = true;
        return 0;
    }
    name = str_trim(name);
    value = str_trim(value);
    t->headers[t->header_count++] = (struct http_pair){
        arena_text_n(t->arena, name.ptr, name.len), arena_text_n(t->arena, value.ptr, value.len)};
    return len;
}

/* --- lifecycle --- */

/*
 * libcurl copies the headers of a call, a bearer token among them, and frees its copies as they
 * are. So all that it frees is wiped: after a call no copy is left in memory that others get.
 */
static void wiping_free(void *block)
{
    if (block)
        explicit_bzero(block, malloc_usable_size(block));
    free(block);
}

static void *wiping_realloc(void *block, size_t size)
{
    if (!block)
        return malloc(size);
    void *larger = malloc(size);
    if (!larger)
        return NULL;
    size_t used = malloc_usable_size(block);
    memcpy(larger, block, used < size ? used : size);
    wiping_free(block);
    return larger;
}

static void global_init_once(void)
{
    BUG_ON(curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
                                calloc) != CURLE_OK);
}

/* Loopback is never reached through a proxy from the environment. Naming hosts of our own makes
 * libcurl ignore the environment's list of exceptions, so that is added. */
static void set_no_proxy(CURL *curl)
{
    const char *more = getenv("no_proxy");
    if (!more)
        more = getenv("NO_PROXY");
    _cleanup_arena_ struct arena arena = {0};
    SET(CURLOPT_NOPROXY,
        arena_printf(&arena, "127.0.0.1,localhost,::1%s%s", more ? "," : "", more ? more : ""));
}

/* What is the same for every call. curl_easy_reset() would lose the cookies' list in 7.88. */
static void set_fixed(CURL *curl)
{
    SET(CURLOPT_NOSIGNAL, 1L); /* a timeout by SIGALRM would hit the whole process */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_USERAGENT, USER_AGENT);
    SET(CURLOPT_COOKIEFILE, ""); /* keeps cookies for later calls; Fly's routing depends on one */
    SET(CURLOPT_WRITEFUNCTION, on_reply_body);
    SET(CURLOPT_HEADERFUNCTION, on_reply_header);
    set_no_proxy(curl);
}

CURL *easy_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BUG_ON(pthread_once(&once, global_init_once) != 0);
    CURL *curl = curl_easy_init();
    BUG_ON(!curl);
    return curl;
}

struct http_client *http_client_new(void)
{
    struct http_client *client = calloc(1, sizeof(*client));
    BUG_ON(!client);
    client->curl = easy_new();
    set_fixed(client->curl);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    free(client);
}

/* --- what goes out --- */

/* Nothing that could end a header line early and start another one. */
static bool is_header_text(const char *text)
{
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    }
    return true;
}

static void add_line(struct transfer *t, const char *line)
{
    struct curl_slist *longer = curl_slist_append(t->lines, line);
    BUG_ON(!longer);
    t->lines = longer;
}

static enum err add_header(struct transfer *t, const char *name, const char *value, struct error *e)
{
    if (!*name || strpbrk(name, ": ;") || !is_header_text(name) || !is_header_text(value))
        return error_set(e, ERR_INVALID,
                         "the header '%.40s' of an HTTP request is malformed or has a control "
                         "character in its value",
                         name);
    struct buf line = BUF_INIT(HEADER_LINE_MAX);
    /* "Name;" is how libcurl is asked to send a header without a value. */
    bool fits = *value ? buf_printf(&line, "%s: %s", name, value) : buf_printf(&line, "%s;", name);
    if (fits)
        add_line(t, buf_text(&line));
    if (line.ptr)
        explicit_bzero(line.ptr, line.cap); /* it may have held a bearer token */
    buf_release(&line);
    if (!fits)
        return error_set(e, ERR_TOO_LARGE, "the header '%.40s' of an HTTP request is over %d bytes",
                         name, HEADER_LINE_MAX);
    return OK;
}

static enum err add_bearer(struct transfer *t, const struct secret *bearer, const char *scheme,
                           struct error *e)
{
    struct buf value = BUF_INIT(HEADER_LINE_MAX);
    enum err failed = OK;
    const char *word = scheme ? scheme : "Bearer";
    if (!buf_printf(&value, "%s%s%s", word, *word ? " " : "", secret_expose(bearer)))
        failed = error_set(e, ERR_TOO_LARGE, "the bearer token is over %d bytes", HEADER_LINE_MAX);
    else
        failed = add_header(t, "Authorization", buf_text(&value), e);
    if (value.ptr)
        explicit_bzero(value.ptr, value.cap);
    buf_release(&value);
    return failed;
}

static enum err add_headers(struct transfer *t, struct error *e)
{
    const struct http_call *call = t->call;
    bool typed = false;
    for (size_t i = 0; i < call->header_count; i++) {
        typed = typed || strcasecmp(call->headers[i].name, "Content-Type") == 0;
        TRY(add_header(t, call->headers[i].name, call->headers[i].value, e));
    }
    if (call->bearer)
        TRY(add_bearer(t, call->bearer, call->scheme, e));
    if (!typed) /* without a value, libcurl leaves out the form type that it would add */
        add_line(t, call->body.len ? "Content-Type: application/json" : "Content-Type:");
    add_line(t, "Expect:"); /* not every server answers it, and libcurl waits a second for that */
    return OK;
}

static void wipe_lines(struct transfer *t)
{
    for (struct curl_slist *l = t->lines; l; l = l->next)
        explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(t->lines);
    t->lines = NULL;
}

/* --- one call --- */

static void set_limits(CURL *curl, const struct http_call *call)
{
    int64_t connect_us =
        call->timeout_us < CONNECT_TIMEOUT_MAX ? call->timeout_us : CONNECT_TIMEOUT_MAX;
    /* rounded up: 0 would mean no limit */
    SET(CURLOPT_TIMEOUT_MS, (long)((call->timeout_us + USEC_PER_MS - 1) / USEC_PER_MS));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)((connect_us + USEC_PER_MS - 1) / USEC_PER_MS));
}

static void set_request(CURL *curl, const struct http_call *call, struct curl_slist *lines)
{
    bool has_body = call->body.len > 0 || call->method == HTTP_POST || call->method == HTTP_PUT ||
                    call->method == HTTP_PATCH;
    if (has_body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        SET(CURLOPT_POSTFIELDS, call->body.len ? call->body.ptr : "");
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, http_method_names[call->method]);
    SET(CURLOPT_HTTPHEADER, lines);
    /* libcurl repeats a request by itself when a connection that it had kept open breaks before the
     * first byte of the reply. The other side may have acted on it, so what must not happen twice
     * goes over a connection of its own. */
    SET(CURLOPT_FRESH_CONNECT, call->method == HTTP_POST || call->method == HTTP_PATCH ? 1L : 0L);
}

static CURLcode run(CURL *curl, struct transfer *t)
{
    set_limits(curl, t->call);
    set_request(curl, t->call, t->lines);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_ERRORBUFFER, t->problem);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, t->call->url);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    BUG_ON(code == CURLE_OUT_OF_MEMORY);
    SET(CURLOPT_ERRORBUFFER, NULL); /* the handle outlives `t` and the caller's body */
    SET(CURLOPT_HTTPHEADER, NULL);
    SET(CURLOPT_POSTFIELDS, NULL);
    return code;
}

/* True when libcurl has written any byte of a request to a connection. */
static bool was_sent(CURL *curl)
{
    long bytes = 0;
    return curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK || bytes > 0;
}

static enum err explain(CURLcode code, const struct transfer *t, bool sent, struct error *e)
{
    const struct http_call *call = t->call;
    const char *why = t->problem[0] ? t->problem : curl_easy_strerror(code);
    const char *method = http_method_names[call->method];
    int url_len = (int)strcspn(call->url, "?#"); /* a query may hold what no log should */
    size_t max = t->body.max;
    /* libcurl also calls a reply that is not HTTP an unsupported protocol */
    if (!sent && (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL))
        return error_set(e, ERR_INVALID, "%s %.*s: not an http or https URL (%s)", method, url_len,
                         call->url, why);
    if (t->too_many_headers)
        return error_set(e, ERR_TOO_LARGE, "%s %.*s: the reply has more than %d headers", method,
                         url_len, call->url, REPLY_FIELDS_MAX);
    if (t->sink_failed)
        return error_set(e, ERR_IO, "%s %.*s: the reply could not be stored", method, url_len,
                         call->url);
    if (buf_is_full(&t->body))
        return error_set(e, ERR_TOO_LARGE, "%s %.*s: the reply is larger than %zu bytes", method,
                         url_len, call->url, max);
    if (code == CURLE_OPERATION_TIMEDOUT && sent)
        return error_set(e, ERR_TIMEOUT, "%s %.*s: no complete reply within %lld ms", method,
                         url_len, call->url, (long long)(call->timeout_us / USEC_PER_MS));
    return error_set(
        e, ERR_UNAVAILABLE, "%s %.*s: %s: %s", method, url_len, call->url,
        sent ? "the connection failed after the request was sent" : "could not connect", why);
}

static void fill_reply(CURL *curl, struct transfer *t, struct http_reply *ret_reply)
{
    long status = 0;
    BUG_ON(curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK);
    *ret_reply = (struct http_reply){
        .status = (int)status,
        .body = {arena_text_n(t->arena, buf_text(&t->body), t->body.len), t->body.len},
        .headers = t->headers,
        .header_count = t->header_count,
    };
}

enum err http_client_call(struct http_client *client, const struct http_call *call,
                          struct arena *arena, struct http_reply *ret_reply, bool *ret_sent,
                          struct error *e)
{
    BUG_ON(call->timeout_us <= 0 || call->method >= HTTP_METHODS);
    struct transfer t = {
        .call = call,
        .curl = client->curl,
        .arena = arena,
        .body = BUF_INIT(call->reply_max ? call->reply_max : REPLY_MAX_DEFAULT),
        .headers = arena_new_array(arena, REPLY_FIELDS_MAX, struct http_pair),
    };
    bool sent = false;
    enum err failed = add_headers(&t, e);
    if (!failed) {
        CURLcode code = run(client->curl, &t);
        sent = was_sent(client->curl);
        if (code == CURLE_OK)
            fill_reply(client->curl, &t, ret_reply);
        else
            failed = explain(code, &t, sent, e);
    }
    wipe_lines(&t);
    buf_release(&t.body);
    if (call->bearer)
        secret_clear_traces();
    if (ret_sent)
        *ret_sent = sent;
    return failed;
}

const char *http_reply_header(const struct http_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcasecmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    }
    return NULL;
}

bool http_date_parse(const char *text, int64_t *ret_time_us)
{
    time_t seconds = curl_getdate(text, NULL);
    if (seconds < 0)
        return false;
    *ret_time_us = (int64_t)seconds * USEC_PER_SEC;
    return true;
}

const char *http_escape(const char *text, struct arena *arena)
{
    char *escaped = curl_easy_escape(NULL, text, (int)strlen(text));
    BUG_ON(!escaped);
    const char *copy = arena_text(arena, escaped);
    curl_free(escaped);
    return copy;
}
