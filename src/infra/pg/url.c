#include "infra/pg/url.h"

#include "base/str.h"

#include <libpq-fe.h>

#define PORT_DEFAULT 5432
#define PORT_MAX     65535

static const char *option(const PQconninfoOption *options, const char *keyword, struct arena *arena)
{
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (text_eq(o->keyword, keyword) && o->val && *o->val)
            return arena_text(arena, o->val);
    }
    return NULL;
}

enum err pg_url_parse(const char *url, struct arena *arena, struct pg_place *ret, struct error *e)
{
    char *why = NULL; /* quotes the url, and the password with it */
    PQconninfoOption *options = PQconninfoParse(url, &why);
    PQfreemem(why);
    if (!options)
        return error_set(e, ERR_INVALID,
                         "a database url cannot be read: it is postgres://USER@HOST:PORT/DBNAME, "
                         "with %%40 and the like for what is special in a url");
    struct pg_place place = {
        .host = option(options, "host", arena),
        .user = option(options, "user", arena),
        .password = option(options, "password", arena),
        .dbname = option(options, "dbname", arena),
        .port = PORT_DEFAULT,
    };
    const char *port = option(options, "port", arena);
    if (!place.host)
        place.host = option(options, "hostaddr", arena);
    PQconninfoFree(options);
    if (port &&
        (!str_to_i64(str_from(port), &place.port) || place.port < 1 || place.port > PORT_MAX))
        return error_set(e, ERR_INVALID, "a database url has the port %.20s: one number, please",
                         port);
    if (!place.dbname)
        place.dbname = place.user;
    *ret = place;
    return OK;
}
