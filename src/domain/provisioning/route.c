#include "domain/provisioning/route.h"

#include "base/buf.h"

#define ROUTE_MAX 200
#define WORD_MAX  40

/* The APIs' own words are lower-case with underscores. */
static bool is_word(struct str part)
{
    if (part.len == 0 || part.len > WORD_MAX)
        return false;
    for (size_t i = 0; i < part.len; i++) {
        if ((part.ptr[i] < 'a' || part.ptr[i] > 'z') && part.ptr[i] != '_')
            return false;
    }
    return true;
}

static const char *name_after(struct str before, struct str part, const struct route_name *names)
{
    for (const struct route_name *n = names; n->collection; n++) {
        if (str_eq(before, str_from(n->collection)))
            return n->except && str_eq(part, str_from(n->except)) ? NULL : n->as;
    }
    return NULL;
}

const char *route_template(const char *path, const struct route_name *names, struct arena *arena)
{
    struct buf out = BUF_INIT(ROUTE_MAX);
    struct str rest = {path, strcspn(path, "?")}, before = {0};
    (void)str_cut(&rest, '/');
    while (rest.ptr) {
        struct str part = str_cut(&rest, '/');
        int64_t number;
        const char *as = name_after(before, part, names);
        if (!as && !is_word(part))
            as = str_to_i64(part, &number) ? "id" : "name";
        if (as)
            (void)buf_printf(&out, "/{%s}", as);
        else
            (void)buf_printf(&out, "/%.*s", STR_ARG(part));
        before = as ? (struct str){0} : part;
    }
    const char *route = arena_text(arena, buf_text(&out));
    buf_release(&out);
    return route;
}
