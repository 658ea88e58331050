#include "infra/pg/session_parts.h"

struct sqlstate {
    const char *prefix; /* of the five characters; the first that fits counts */
    enum err class;
    const char *advice;
};

/* https://www.postgresql.org/docs/15/errcodes-appendix.html */
static const struct sqlstate sqlstates[] = {
    {"23505", ERR_CONFLICT, ""}, /* unique_violation */
    {"23503", ERR_CONFLICT, ""}, /* foreign_key_violation */
    {"23001", ERR_CONFLICT, ""}, /* restrict_violation */
    {"25006", ERR_DENIED, ""},   /* read-only, or a fence */
    {"40001", ERR_BUSY, ""},     /* serialization_failure */
    {"40P01", ERR_BUSY, ""},     /* deadlock_detected */
    {"42501", ERR_DENIED, "; grant this user the right"},
    {"42704", ERR_NOT_FOUND, ""}, /* undefined_object */
    {"42P01", ERR_NOT_FOUND, ""}, /* undefined_table */
    {"3D", ERR_NOT_FOUND, ""},    /* no such database */
    {"3F", ERR_NOT_FOUND, ""},    /* no such schema */
    {"42710", ERR_CONFLICT, ""},  /* duplicate_object */
    {"42P0", ERR_CONFLICT, ""},   /* duplicate database, cursor, schema, table */
    {"55006", ERR_BUSY, ""},      /* object_in_use: a slot, a database */
    {"55P03", ERR_BUSY, "; another transaction holds what this one needs, try again"},
    {"55000", ERR_CONFLICT, ""}, /* not in the prerequisite state */
    {"53100", ERR_IO, "; free some disk space on its server"},
    {"53", ERR_BUSY, ""},         /* out of memory, connections, slots */
    {"57014", ERR_TIMEOUT, ""},   /* query_canceled */
    {"57P", ERR_UNAVAILABLE, ""}, /* shutting down or starting */
    {"25P03", ERR_UNAVAILABLE, ""},
    {"08", ERR_UNAVAILABLE, ""},
    {"28", ERR_DENIED, ""}, /* the password, pg_hba.conf */
    {"2", ERR_INVALID, ""}, /* other constraints and values */
    {"0A", ERR_INVALID, ""},
    {"42", ERR_INVALID, ""},
    {"XX", ERR_CORRUPT, "; see the log of its server"},
    {"", ERR_IO, "; see the log of its server"},
};

static const struct sqlstate *sqlstate_of(const char *code)
{
    size_t i = 0;
    while (!str_starts_with(str_from(code), str_from(sqlstates[i].prefix)))
        i++;
    return &sqlstates[i];
}

static enum err lost(struct pg_session *s, struct error *e)
{
    if (!s->lost)
        (void)text_one_line(PQerrorMessage(s->conn), s->lost_why, sizeof(s->lost_why));
    s->lost = true;
    return error_set(e, ERR_UNAVAILABLE, "the connection to %s is lost: %s", s->place, s->lost_why);
}

enum err pg_session_error(struct pg_session *s, const PGresult *result, struct error *e)
{
    const char *code = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    (void)snprintf(s->sqlstate, sizeof(s->sqlstate), "%s", code ? code : "");
    if (PQstatus(s->conn) == CONNECTION_BAD)
        return lost(s, e);
    char why[512], detail[256];
    const char *primary = code ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *more = code ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
    (void)text_one_line(primary ? primary : PQerrorMessage(s->conn), why, sizeof(why));
    (void)text_one_line(more ? more : "", detail, sizeof(detail));
    const struct sqlstate *state = sqlstate_of(s->sqlstate);
    return error_set(e, state->class, "%s: %s%s%s%s%s", s->place, why, *detail ? " (" : "", detail,
                     *detail ? ")" : "", state->advice);
}
