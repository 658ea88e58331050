#include "domain/provisioning/template.h"

const char *template_fill(struct arena *arena, const char *template, const char *name,
                          const char *value)
{
    const char *place = arena_printf(arena, "{%s}", name);
    const char *out = template;
    const char *at = strstr(out, place);
    while (at) {
        const char *rest = at + strlen(place);
        size_t done = (size_t)(at - out) + strlen(value);
        out = arena_printf(arena, "%.*s%s%s", (int)(at - out), out, value, rest);
        at = strstr(out + done, place);
    }
    return out;
}
