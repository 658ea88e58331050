#include "infra/http/mail.h"

#include "base/clock.h"
#include "infra/http/easy.h"

#include <string.h>
#include <time.h>

#define CONNECT_MS   10000L
#define DATE_TEXT    40
#define SERVER_TEXT  "must be smtp://HOST:PORT or smtps://HOST:PORT"
#define ADDRESS_TEXT "must be an address as name@host"

#define SET(option, value) BUG_ON(curl_easy_setopt(curl, (option), (value)) != CURLE_OK)

const char *mail_address_check(const char *text)
{
    const char *at = strchr(text, '@');
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c <= ' ' || strchr("<>\"(),:;\\[]", *c))
            return ADDRESS_TEXT;
    }
    return at && at != text && at[1] && !strchr(at + 1, '@') ? NULL : ADDRESS_TEXT;
}

const char *mail_server_check(const char *text)
{
    struct str s = str_from(text);
    bool ok = str_starts_with(s, STR("smtp://")) || str_starts_with(s, STR("smtps://"));
    return ok && !strpbrk(text, " @\r\n") ? NULL : SERVER_TEXT;
}

/* -- its head ---------------------------------------------------------------------------------- */

/* RFC 5322, 3.3; in English whatever the locale. */
static const char *date_text(int64_t at_us, char out[DATE_TEXT])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(at_us / USEC_PER_SEC);
    struct tm t;
    BUG_ON(!gmtime_r(&seconds, &t));
    (void)snprintf(out, DATE_TEXT, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[t.tm_wday],
                   t.tm_mday, months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    return out;
}

static void add(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    BUG_ON(!longer);
    *list = longer;
}

/* A subject is made by us from words; what else it may hold must not end its line. */
static const char *subject_text(const char *subject, struct arena *arena)
{
    char *copy = arena_text(arena, subject);
    for (char *c = copy; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    return copy;
}

static struct curl_slist *head_of(const struct mail *m, struct arena *arena)
{
    char date[DATE_TEXT];
    struct curl_slist *head = NULL;
    const char *to = "";
    for (size_t i = 0; i < m->to.count; i++)
        to = arena_printf(arena, "%s%s<%s>", to, i ? ", " : "", m->to.items[i]);
    add(&head, arena_printf(arena, "Date: %s", date_text(m->at_us, date)));
    add(&head, arena_printf(arena, "From: <%s>", m->from));
    add(&head, arena_printf(arena, "To: %s", to));
    add(&head, arena_printf(arena, "Message-ID: <%s%s>", m->id, strchr(m->from, '@')));
    add(&head, arena_printf(arena, "Subject: %s", subject_text(m->subject, arena)));
    add(&head, "Auto-Submitted: auto-generated");
    return head;
}

static struct curl_slist *recipients(const struct mail *m)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < m->to.count; i++)
        add(&list, m->to.items[i]);
    return list;
}

/* -- sending ----------------------------------------------------------------------------------- */

/* This machine's own server needs no TLS: nobody is between. */
static bool is_loopback(const char *server)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    const char *host = strstr(server, "://") + 3;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        size_t len = strlen(hosts[i]);
        if (strncmp(host, hosts[i], len) == 0 && (!host[len] || strchr(":/", host[len])))
            return true;
    }
    return false;
}

static enum err explain(CURLcode code, CURL *curl, const struct mail *m, struct error *e)
{
    long reply = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(e, ERR_TIMEOUT, "the mail server %s did not answer in time", m->server);
    if (code == CURLE_LOGIN_DENIED)
        return error_set(e, ERR_DENIED, "the mail server %s refuses the login of %s", m->server,
                         m->username ? m->username : "nobody");
    if (code == CURLE_USE_SSL_FAILED)
        return error_set(e, ERR_DENIED, "the mail server %s has no TLS: use one that has",
                         m->server);
    if (reply >= 500)
        return error_set(e, ERR_INVALID, "the mail server %s refuses the mail (%ld)", m->server,
                         reply);
    return error_set(e, ERR_UNAVAILABLE, "the mail server %s could not take the mail: %s",
                     m->server, curl_easy_strerror(code));
}

static curl_mime *body_of(CURL *curl, const struct mail *m)
{
    curl_mime *body = curl_mime_init(curl);
    curl_mimepart *part = body ? curl_mime_addpart(body) : NULL;
    BUG_ON(!part || curl_mime_data(part, m->text, CURL_ZERO_TERMINATED) != CURLE_OK ||
           curl_mime_type(part, "text/plain; charset=utf-8") != CURLE_OK ||
           curl_mime_encoder(part, "base64") != CURLE_OK);
    return body;
}

static void set_up(CURL *curl, const struct mail *m)
{
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_URL, m->server);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_USE_SSL, (long)(is_loopback(m->server) ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    SET(CURLOPT_MAIL_FROM, m->from);
    SET(CURLOPT_TIMEOUT_MS, (long)(m->timeout_us / USEC_PER_MS));
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    if (m->username && m->password) {
        SET(CURLOPT_USERNAME, m->username);
        SET(CURLOPT_PASSWORD, secret_expose(m->password));
    }
}

enum err mail_send(const struct mail *m, struct error *e)
{
    BUG_ON(m->to.count == 0 || m->timeout_us < USEC_PER_MS);
    _cleanup_arena_ struct arena arena = {0};
    CURL *curl = easy_new();
    struct curl_slist *head = head_of(m, &arena), *to = recipients(m);
    curl_mime *body = body_of(curl, m);
    set_up(curl, m);
    SET(CURLOPT_MAIL_RCPT, to);
    SET(CURLOPT_HTTPHEADER, head);
    SET(CURLOPT_MIMEPOST, body);
    CURLcode code = curl_easy_perform(curl);
    enum err err = code == CURLE_OK ? OK : explain(code, curl, m, e);
    curl_easy_cleanup(curl);
    curl_mime_free(body);
    curl_slist_free_all(head);
    curl_slist_free_all(to);
    secret_clear_traces();
    return err;
}
