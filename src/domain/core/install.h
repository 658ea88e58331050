/*
 * Which installation this is. Several may work in one cloud project or organisation; what one made
 * carries its id, so that no other takes it for its own, adopts it or cleans it up.
 */
#ifndef WEBHOST_DOMAIN_CORE_INSTALL_H
#define WEBHOST_DOMAIN_CORE_INSTALL_H

#include "domain/core/env.h"

/*
 * The id (a UUID, in the arena), made when first asked for and the same ever after, for every
 * process on this database. Opens its own transactions.
 */
enum err install_id(const struct env *env, struct arena *arena, const char **ret_id,
                    struct error *e);

#endif
