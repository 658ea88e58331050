/*
 * What `webhost serve` prints once it is ready: its address, the first token, what to try.
 *
 * The line "listening on URL" is for programs too: supervisors and tests wait for it.
 */
#ifndef WEBHOST_APP_DAEMON_WELCOME_H
#define WEBHOST_APP_DAEMON_WELCOME_H

#include "domain/core/env.h"

#include <stdint.h>

/*
 * Makes an admin token when there is none, and shows it: its text is kept nowhere. With `demo`
 * there is a fresh one at every start, and the one of the start before stops working.
 */
enum err welcome(const struct env *env, uint16_t port, bool demo, struct error *e);

#endif
