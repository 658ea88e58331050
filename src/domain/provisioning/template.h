/*
 * Texts with {name} places, as in the configuration's database urls.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_TEMPLATE_H
#define WEBHOST_DOMAIN_PROVISIONING_TEMPLATE_H

#include "base/arena.h"

/* A copy in the arena with every {name} replaced by `value`; other places stay. */
const char *template_fill(struct arena *arena, const char *template, const char *name,
                          const char *value);

#endif
