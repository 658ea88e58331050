/*
 * The shape of a path: "/servers/42/actions?page=2" is "/servers/{id}/actions".
 *
 * Records and metrics group by it, and it has few values however many things there are: a part that
 * is not known to be a word of the API is left out too.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_ROUTE_H
#define WEBHOST_DOMAIN_PROVISIONING_ROUTE_H

#include "base/arena.h"

/* What follows `collection` in a path is a name and stands for {`as`}. */
struct route_name {
    const char *collection; /* NULL ends the list */
    const char *as;
    const char *except; /* a word that may follow too and is no name; NULL: none */
};

/* In the arena. Whole numbers stand for {id} wherever they are. */
const char *route_template(const char *path, const struct route_name *names, struct arena *arena);

#endif
