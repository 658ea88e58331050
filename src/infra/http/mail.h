/*
 * One e-mail by SMTP, with libcurl.
 *
 * Plain text in UTF-8. A server that is not on this machine must speak TLS, by STARTTLS or
 * smtps://, and prove who it is; what it says is bounded by the timeout.
 */
#ifndef WEBHOST_INFRA_HTTP_MAIL_H
#define WEBHOST_INFRA_HTTP_MAIL_H

#include "base/record.h"
#include "infra/secrets/secret.h"

struct mail {
    const char *server;            /* "smtp://mail.example:587" or "smtps://..." */
    const char *username;          /* NULL: no authentication */
    const struct secret *password; /* with a username */
    const char *from;              /* "webhost@example.com" */
    struct texts to;               /* at least one */
    const char *subject, *text;    /* one line; any lines */
    const char *id;                /* stays the same when it is sent again: Message-ID */
    int64_t at_us;                 /* Date */
    int64_t timeout_us;            /* the whole of it */
};

/* "name@host" without spaces, quotes or line ends: what can stand in an envelope. */
const char *mail_address_check(const char *text); /* a field_check */
const char *mail_server_check(const char *text);  /* a field_check */

/*
 * OK when the server has taken it for everyone. ERR_TIMEOUT, ERR_UNAVAILABLE (could not connect, or
 * refused for now), ERR_DENIED (the login), ERR_INVALID (the server refuses an address or the
 * mail).
 */
enum err mail_send(const struct mail *mail, struct error *e);

#endif
