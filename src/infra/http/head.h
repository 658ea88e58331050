/*
 * The head of a request as libmicrohttpd parsed it, checked again.
 *
 * libmicrohttpd 0.9.75 accepts heads that two programs in a row read differently, which is how
 * requests are smuggled past a proxy: Content-Length next to Transfer-Encoding, a second
 * Content-Length, a bare LF as the end of a line, a NUL that cuts a line short, folded lines,
 * spaces before the colon. All of them are refused here.
 */
#ifndef WEBHOST_INFRA_HTTP_HEAD_H
#define WEBHOST_INFRA_HTTP_HEAD_H

#include "infra/http/target.h"

#include <microhttpd.h>

#define HTTP_HEAD_MAX        32768 /* bytes of request line and headers */
#define HTTP_HEAD_FIELDS_MAX 100
#define HTTP_LENGTH_CHUNKED  UINT64_MAX

struct http_head {
    const char *method, *target, *version; /* as libmicrohttpd points at them */
    size_t target_len;                     /* before libmicrohttpd decoded it in place */
};

struct http_head_fault {
    int status; /* 0: none */
    const char *detail;
};

/*
 * Copies the headers into `r` and sets the length of the body that follows (HTTP_LENGTH_CHUNKED
 * when only its end will tell), or says why the request cannot be trusted.
 */
struct http_head_fault http_head_read(struct MHD_Connection *connection,
                                      const struct http_head *head, struct http_request *r,
                                      uint64_t *ret_length);

/*
 * True for the version that needs the checks. Later ones refuse such heads themselves when asked to
 * be strict, and leave other marks in their buffer.
 */
bool http_parser_is_0_9_75(void);

#endif
