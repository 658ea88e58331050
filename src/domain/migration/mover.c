#include "domain/migration/mover.h"

enum url_engine { URL_UNKNOWN, URL_SQLITE, URL_POSTGRES };

static enum url_engine engine_of(const char *url)
{
    static const struct {
        const char *scheme;
        enum url_engine engine;
    } schemes[] = {
        {"sqlite:", URL_SQLITE},
        {"postgres://", URL_POSTGRES},
        {"postgresql://", URL_POSTGRES},
    };
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (str_starts_with(str_from(url), str_from(schemes[i].scheme)))
            return schemes[i].engine;
    }
    return URL_UNKNOWN;
}

enum err mover_for(const char *source_url, const char *target_url, const struct mover **ret,
                   struct error *e)
{
    enum url_engine source = engine_of(source_url), target = engine_of(target_url);
    if (source == URL_UNKNOWN || target == URL_UNKNOWN)
        return error_set(e, ERR_INVALID,
                         "the database url of the %s must be sqlite:PATH or "
                         "postgres://USER@HOST/NAME for a move",
                         source == URL_UNKNOWN ? "source" : "target");
    if (source != target)
        return error_set(e, ERR_INVALID,
                         "a customer cannot move from %s to %s: give both deployments databases of "
                         "one kind",
                         source == URL_SQLITE ? "SQLite" : "PostgreSQL",
                         target == URL_SQLITE ? "SQLite" : "PostgreSQL");
    *ret = source == URL_SQLITE ? &sqlite_mover : &postgres_mover;
    return OK;
}
