#include "base/record.h"

static void field_clear(const struct field *f, void *at)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_JSON:
        *(const char **)at = NULL;
        return;
    case FIELD_INT:
    case FIELD_DECIMAL:
    case FIELD_TIME:
        *(int64_t *)at = INT_ABSENT;
        return;
    case FIELD_BOOL:
        *(bool *)at = false;
        return;
    case FIELD_ENUM:
        *(int *)at = -1;
        return;
    case FIELD_TEXTS:
        *(struct texts *)at = (struct texts){0};
        return;
    case FIELD_OBJECTS:
        *(struct records *)at = (struct records){0};
        return;
    case FIELD_OBJECT:
        record_clear(f->fields, at);
        return;
    case FIELD_LAST:
        break;
    }
    BUG_ON(true);
}

void record_clear(const struct field *fields, void *record)
{
    for (const struct field *f = fields; f->name; f++)
        field_clear(f, record_at(record, f));
}

const struct field *record_field(const struct field *fields, struct str name)
{
    for (const struct field *f = fields; f->name; f++) {
        if (str_eq(str_from(f->name), name))
            return f;
    }
    return NULL;
}

int enum_from_text(const char *const *names, struct str text)
{
    for (int i = 0; names[i]; i++) {
        if (str_eq(str_from(names[i]), text))
            return i;
    }
    return -1;
}

void problem_add(struct problems *p, const char *path, size_t line, const char *fmt, ...)
{
    if (p->count == PROBLEMS_MAX) {
        p->dropped++;
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    p->items[p->count++] = (struct problem){
        .path = arena_text(p->arena, path),
        .line = line,
        .text = arena_vprintf(p->arena, fmt, ap),
    };
    va_end(ap);
}

enum err problems_error(const struct problems *p, struct error *e)
{
    BUG_ON(p->count == 0);
    char *all = arena_text(p->arena, "");
    for (size_t i = 0; i < p->count; i++) {
        const struct problem *one = &p->items[i];
        const char *colon = one->path[0] ? ": " : "";
        all = one->line ? arena_printf(p->arena, "%s%sline %zu: %s%s%s", all, i ? "; " : "",
                                       one->line, one->path, colon, one->text)
                        : arena_printf(p->arena, "%s%s%s%s%s", all, i ? "; " : "", one->path, colon,
                                       one->text);
    }
    return error_set(e, ERR_INVALID, "%s", all);
}
