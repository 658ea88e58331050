/* What a request's query may say: the route's table of parameters, checked before its handler. */
#include "app/api/api.h"

#include "base/clock.h"

#include <inttypes.h>

const char *api_cursor_check(const char *text)
{
    return uuid_is_valid(str_from(text)) ? NULL : "must be a next_cursor from an earlier page";
}

const char *api_since_check(const char *text)
{
    int64_t time;
    return time_parse(str_from(text), &time) || duration_parse(str_from(text), &time)
               ? NULL
               : "must be a time (2026-11-23T17:00:00Z) or how long ago (30m, 24h, 7d)";
}

static void check_number(struct api_call *call, const struct field *f, struct str text)
{
    int64_t number;
    if (!str_to_i64(text, &number) || number < f->min || number > f->max)
        problem_add(&call->problems, f->name, 0,
                    "must be a whole number from %" PRId64 " to %" PRId64, f->min, f->max);
}

static void check_name(struct api_call *call, const struct field *f, struct str text)
{
    if (enum_from_text(f->names, text) >= 0)
        return;
    const char *known = f->names[0];
    for (size_t i = 1; f->names[i]; i++)
        known = arena_printf(call->arena, "%s, %s", known, f->names[i]);
    problem_add(&call->problems, f->name, 0, "must be one of %s", known);
}

static void check_text(struct api_call *call, const struct field *f, const char *text)
{
    size_t max = f->max_len ? f->max_len : FIELD_TEXT_LEN_DEFAULT;
    const char *why = f->check ? f->check(text) : NULL;
    if (strlen(text) > max)
        problem_add(&call->problems, f->name, 0, "must be at most %zu bytes long", max);
    else if (why)
        problem_add(&call->problems, f->name, 0, "%s", why);
}

static void check_value(struct api_call *call, const struct field *f, const char *text)
{
    int64_t time;
    switch (f->type) {
    case FIELD_INT:
        check_number(call, f, str_from(text));
        return;
    case FIELD_ENUM:
        check_name(call, f, str_from(text));
        return;
    case FIELD_TIME:
        if (!time_parse(str_from(text), &time))
            problem_add(&call->problems, f->name, 0, "must be a time as 2026-03-01T00:00:00Z");
        return;
    case FIELD_TEXT:
        check_text(call, f, text);
        return;
    default:
        BUG_ON(true); /* a query has no lists and no objects */
    }
}

enum err api_check_query(struct api_call *call, const struct field *fields, struct error *e)
{
    static const struct field none[] = {FIELD_END};
    for (size_t i = 0; i < call->request->query_count; i++) {
        const struct http_pair *pair = &call->request->query[i];
        const struct field *f = record_field(fields ? fields : none, str_from(pair->name));
        if (f)
            check_value(call, f, pair->value);
        else
            problem_add(&call->problems, pair->name, 0, "is not a parameter of this request");
    }
    return call->problems.count > 0 ? problems_error(&call->problems, e) : OK;
}

/* -- for the handlers ------------------------------------------------------------------------- */

int64_t api_limit(const struct api_call *call)
{
    int64_t limit = PAGE_LIMIT_DEFAULT;
    const char *text = http_query(call->request, "limit");
    BUG_ON(text && !str_to_i64(str_from(text), &limit));
    return limit;
}

struct page api_page(const struct api_call *call)
{
    return (struct page){api_limit(call), http_query(call->request, "cursor")};
}

int64_t api_query_time(const struct api_call *call, const char *name)
{
    int64_t time = INT_ABSENT;
    const char *text = http_query(call->request, name);
    BUG_ON(text && !time_parse(str_from(text), &time));
    return time;
}

int64_t api_query_since(const struct api_call *call, const char *name)
{
    const char *text = http_query(call->request, name);
    int64_t since = INT_ABSENT, ago;
    if (text && !time_parse(str_from(text), &since) && duration_parse(str_from(text), &ago))
        since = env_now(call->api->env) - ago;
    return since;
}

int64_t api_query_int(const struct api_call *call, const char *name, int64_t unless)
{
    int64_t number = unless;
    const char *text = http_query(call->request, name);
    BUG_ON(text && !str_to_i64(str_from(text), &number));
    return number;
}

int api_query_enum(const struct api_call *call, const char *name, const char *const *names)
{
    const char *text = http_query(call->request, name);
    return text ? enum_from_text(names, str_from(text)) : -1;
}
