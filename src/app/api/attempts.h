/*
 * How often somebody may try to sign in: after ATTEMPTS_MAX refused tokens within a minute an
 * address has to wait for the end of it. Tokens are far too long to be guessed; this keeps the
 * trying from costing anything.
 *
 * In memory, for each node alone, and for the ATTEMPTS_PLACES addresses that failed last: whoever
 * comes from more than that is slowed down by the bound for all of them together. Thread-safe.
 */
#ifndef WEBHOST_APP_API_ATTEMPTS_H
#define WEBHOST_APP_API_ATTEMPTS_H

#include "base/clock.h"

#define ATTEMPTS_MAX     10  /* of an address, in a minute */
#define ATTEMPTS_MAX_ALL 300 /* of all together */
#define ATTEMPTS_PLACES  256

struct attempts;

struct attempts *attempts_new(const struct clock *clock);
void attempts_free(struct attempts *a); /* NULL is fine */

/* 0, or after how many seconds the address may try again. */
int64_t attempts_wait_s(struct attempts *a, const char *address);

/* A token from there was refused. */
void attempts_failed(struct attempts *a, const char *address);

#endif
