/*
 * A TCP proxy in front of PostgreSQL that cuts a connection around a COMMIT: the one moment in
 * which a program cannot know what happened.
 */
#ifndef WEBHOST_TESTS_SUPPORT_PROXY_H
#define WEBHOST_TESTS_SUPPORT_PROXY_H

#include <stddef.h>

struct proxy;

/* Stands before the server of `url`; `ret_url` leads to the same database through it. */
struct proxy *proxy_start(const char *url, char *ret_url, size_t size);
void proxy_stop(struct proxy *proxy);

enum proxy_cut {
    CUT_NOTHING,
    CUT_BEFORE, /* the server never gets it */
    CUT_AFTER,  /* the server did it, and its answer is lost */
};

/* Cuts at the next COMMIT that goes to the server together with this text ("": at any). */
void proxy_cut_commit(struct proxy *proxy, enum proxy_cut cut, const char *with);

#endif
