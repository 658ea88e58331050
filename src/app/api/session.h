/*
 * Signing in for browsers: a cookie in the place of a bearer token (accounts/sessions.h).
 *
 * The cookie is HttpOnly and SameSite=Strict. Over TLS it is Secure and its name says so (__Host-),
 * which browsers hold a cookie to: nobody beside us on the domain can set it. That TLS ends in a
 * proxy is known from the configuration, or from the X-Forwarded-Proto of a proxy on this machine.
 *
 * A write by cookie must come from a page of ours: the browser says so (Sec-Fetch-Site, or an
 * Origin that is the Host), and the page names the session's own text in X-CSRF-Token.
 */
#ifndef WEBHOST_APP_API_SESSION_H
#define WEBHOST_APP_API_SESSION_H

#include "app/api/api.h"

#define SESSION_COOKIE "webhost_session" /* without TLS */

/* The text in the request's cookie, or NULL. */
const char *session_of_request(const struct api_call *call);

/* ERR_DENIED for a write that a page of somebody else's may have caused. */
enum err session_check_write(const struct api_call *call, const char *session, struct error *e);

#endif
