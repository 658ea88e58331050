#include "app/cli/options.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/nearest.h"

#include <getopt.h>

/* getopt_long() returns letters as themselves; long options get numbers above every letter. */
#define LONG_BASE   256
#define OPTIONS_MAX 64

static size_t specs_count(const struct option_spec *specs)
{
    size_t n = 0;
    while (specs && specs[n].field.name)
        n++;
    return n;
}

void options_clear(const struct option_spec *specs, void *record)
{
    for (size_t i = 0; i < specs_count(specs); i++)
        record_clear((const struct field[]){specs[i].field, FIELD_END}, record);
}

bool option_is_given(const struct option_spec *spec, const void *record)
{
    const void *at = record_at(record, &spec->field);
    switch (spec->field.type) {
    case FIELD_TEXT:
        return *(const char *const *)at != NULL;
    case FIELD_INT:
    case FIELD_DECIMAL:
        return *(const int64_t *)at != INT_ABSENT;
    case FIELD_BOOL:
        return *(const bool *)at;
    case FIELD_ENUM:
        return *(const int *)at >= 0;
    case FIELD_TEXTS:
        return ((const struct texts *)at)->items != NULL;
    default:
        break;
    }
    BUG_ON(true);
}

const struct option_spec *option_by_key(const struct option_spec *specs, const char *key)
{
    for (size_t i = 0; i < specs_count(specs); i++) {
        if (specs[i].key && text_eq(specs[i].key, key))
            return &specs[i];
    }
    return NULL;
}

/* -- one value ------------------------------------------------------------------------------- */

struct value {
    const struct option_spec *spec;
    const char *shown; /* how the person knows it: "--budget", "CUSTOMER" */
    const char *text;
    struct arena *arena;
};

static bool in_bounds(const struct field *f, int64_t number)
{
    bool bounded = f->min != 0 || f->max != 0;
    return !bounded || (number >= f->min && number <= f->max);
}

static enum err refuse_bounds(const struct value *v, const char *min, const char *max,
                              struct error *e)
{
    const struct field *f = &v->spec->field;
    if (f->max == INT64_MAX || f->max == DECIMAL_MAX)
        return error_set(e, ERR_INVALID, "%s must be %s or more, not %s", v->shown, min, v->text);
    return error_set(e, ERR_INVALID, "%s must be %s to %s, not %s", v->shown, min, max, v->text);
}

static enum err set_int(const struct value *v, int64_t *at, struct error *e)
{
    const struct field *f = &v->spec->field;
    int64_t number;
    if (!str_to_i64(str_from(v->text), &number) || number == INT_ABSENT)
        return error_set(e, ERR_INVALID, "%s must be a whole number, not \"%s\"", v->shown,
                         v->text);
    if (!in_bounds(f, number))
        return refuse_bounds(v, arena_printf(v->arena, "%lld", (long long)f->min),
                             arena_printf(v->arena, "%lld", (long long)f->max), e);
    *at = number;
    return OK;
}

static enum err set_duration(const struct value *v, int64_t *at, struct error *e)
{
    int64_t us;
    if (!duration_parse(str_from(v->text), &us) || us <= 0)
        return error_set(e, ERR_INVALID,
                         "%s must be a number and a unit (ms, s, m, h or d) such as 30s, not "
                         "\"%s\"",
                         v->shown, v->text);
    *at = us;
    return OK;
}

static enum err set_decimal(const struct value *v, decimal *at, struct error *e)
{
    const struct field *f = &v->spec->field;
    decimal number;
    switch (decimal_parse(str_from(v->text), &number)) {
    case DECIMAL_OK:
        break;
    case DECIMAL_SYNTAX:
        return error_set(e, ERR_INVALID, "%s must be a number such as 29.99, not \"%s\"", v->shown,
                         v->text);
    case DECIMAL_RANGE:
        return error_set(e, ERR_INVALID, "%s is out of range: %s", v->shown, v->text);
    case DECIMAL_PLACES:
        return error_set(e, ERR_INVALID, "%s has more than four decimal places: %s", v->shown,
                         v->text);
    }
    char min[DECIMAL_TEXT_MAX], max[DECIMAL_TEXT_MAX];
    if (!in_bounds(f, number))
        return refuse_bounds(v, decimal_text(f->min, min), decimal_text(f->max, max), e);
    *at = number;
    return OK;
}

static enum err set_enum(const struct value *v, int *at, struct error *e)
{
    const char *const *names = v->spec->field.names;
    int index = enum_from_text(names, str_from(v->text));
    if (index >= 0) {
        *at = index;
        return OK;
    }
    _cleanup_buf_ struct buf all = BUF_INIT(512);
    for (size_t i = 0; names[i]; i++)
        (void)buf_printf(&all, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
    return error_set(e, ERR_INVALID, "%s must be %s, not \"%s\"", v->shown, buf_text(&all),
                     v->text);
}

static enum err check_text(const struct value *v, struct str text, struct error *e)
{
    const struct field *f = &v->spec->field;
    size_t max = f->max_len ? f->max_len : FIELD_TEXT_LEN_DEFAULT;
    if (text.len == 0)
        return error_set(e, ERR_INVALID, "%s must not be empty", v->shown);
    if (!str_is_printable(text, max))
        return error_set(e, ERR_INVALID, "%s must be at most %zu bytes of printable UTF-8",
                         v->shown, max);
    return OK;
}

static enum err set_text(const struct value *v, const char **at, struct error *e)
{
    TRY(check_text(v, str_from(v->text), e));
    const char *wrong = v->spec->field.check ? v->spec->field.check(v->text) : NULL;
    if (wrong)
        return error_set(e, ERR_INVALID, "%s %s, not \"%s\"", v->shown, wrong, v->text);
    *at = arena_text(v->arena, v->text);
    return OK;
}

/* Adds to what an earlier --option gave. An empty text is a list of nothing, which is a value. */
static enum err set_texts(const struct value *v, struct texts *at, struct error *e)
{
    struct str rest = str_from(v->text);
    size_t pieces = 1;
    for (size_t i = 0; i < rest.len; i++)
        pieces += rest.ptr[i] == ',';
    struct texts list = {.items = arena_new_array(v->arena, at->count + pieces, const char *)};
    for (size_t i = 0; i < at->count; i++)
        list.items[list.count++] = at->items[i];
    while (rest.len > 0) {
        struct str piece = str_trim(str_cut(&rest, ','));
        TRY(check_text(v, piece, e));
        list.items[list.count++] = arena_text_n(v->arena, piece.ptr, piece.len);
    }
    *at = list;
    return OK;
}

static enum err value_set(const struct value *v, void *record, struct error *e)
{
    void *at = record_at(record, &v->spec->field);
    switch (v->spec->field.type) {
    case FIELD_TEXT:
        return set_text(v, at, e);
    case FIELD_INT:
        return v->spec->duration ? set_duration(v, at, e) : set_int(v, at, e);
    case FIELD_DECIMAL:
        return set_decimal(v, at, e);
    case FIELD_ENUM:
        return set_enum(v, at, e);
    case FIELD_TEXTS:
        return set_texts(v, at, e);
    case FIELD_BOOL:
        *(bool *)at = true;
        return OK;
    default:
        break;
    }
    BUG_ON(true);
}

/* -- getopt_long ----------------------------------------------------------------------------- */

struct parser {
    const struct option_target *targets;
    struct arena *arena;
    struct option longs[OPTIONS_MAX + 1];
    struct {
        const struct option_spec *spec;
        void *record;
    } known[OPTIONS_MAX]; /* known[i] is what longs[i] stands for */
    size_t count;
    char letters[2 * OPTIONS_MAX + 3];
};

static void parser_init(struct parser *p, bool leading)
{
    size_t n = 0;
    if (leading)
        p->letters[n++] = '+';
    p->letters[n++] = ':'; /* a missing value is told apart from an unknown option */
    for (size_t t = 0; t < OPTION_TARGETS_MAX; t++) {
        for (size_t i = 0; i < specs_count(p->targets[t].specs); i++) {
            const struct option_spec *spec = &p->targets[t].specs[i];
            bool takes_value = spec->field.type != FIELD_BOOL;
            BUG_ON(p->count == OPTIONS_MAX);
            p->longs[p->count] = (struct option){
                .name = spec->field.name,
                .has_arg = takes_value ? required_argument : no_argument,
                .val = LONG_BASE + (int)p->count,
            };
            p->known[p->count].spec = spec;
            p->known[p->count++].record = p->targets[t].record;
            if (spec->letter) {
                p->letters[n++] = spec->letter;
                if (takes_value)
                    p->letters[n++] = ':';
            }
        }
    }
    p->letters[n] = '\0';
}

/* The index in `known` of what getopt_long() returned or left in optopt; p->count when unknown. */
static size_t parser_index(const struct parser *p, int code)
{
    if (code >= LONG_BASE)
        return (size_t)(code - LONG_BASE);
    size_t i = 0;
    while (i < p->count && (code == 0 || p->known[i].spec->letter != code))
        i++;
    return i;
}

static enum err refuse_unknown(const struct parser *p, const char *typed, int letter,
                               struct error *e)
{
    if (letter)
        return error_set(e, ERR_INVALID, "unknown option -%c", letter);
    struct str name = str_from(typed + 2);
    name = str_cut(&name, '=');
    struct nearest near = NEAREST_INIT(name);
    for (size_t i = 0; i < p->count; i++)
        nearest_offer(&near, str_from(p->known[i].spec->field.name));
    if (near.best.len == 0)
        return error_set(e, ERR_INVALID, "unknown option --%.*s", STR_ARG(name));
    return error_set(e, ERR_INVALID, "unknown option --%.*s; did you mean --%.*s?", STR_ARG(name),
                     STR_ARG(near.best));
}

static enum err refuse_missing_value(const struct option_spec *spec, const char *shown,
                                     struct error *e)
{
    return error_set(e, ERR_INVALID, "%s needs a value: %s %s", shown, shown,
                     spec->metavar ? spec->metavar : "VALUE");
}

/* One option that getopt_long() found; a long one stood in the word `typed`. */
static enum err take(const struct parser *p, int code, const char *typed, struct error *e)
{
    int meant = code == '?' || code == ':' ? optopt : code;
    bool is_long = meant >= LONG_BASE || meant == 0;
    size_t at = parser_index(p, meant);
    if (at == p->count)
        return refuse_unknown(p, typed, is_long ? 0 : optopt, e);

    const struct option_spec *spec = p->known[at].spec;
    const char *shown = is_long ? arena_printf(p->arena, "--%s", spec->field.name)
                                : arena_printf(p->arena, "-%c", spec->letter);
    struct str name = str_from(is_long ? typed + 2 : "");
    name = str_cut(&name, '=');
    if (is_long && !str_eq(name, str_from(spec->field.name)))
        return refuse_unknown(p, typed, 0, e);
    if (code == '?')
        return error_set(e, ERR_INVALID, "%s takes no value", shown);
    if (code == ':')
        return refuse_missing_value(spec, shown, e);
    struct value v = {.spec = spec, .shown = shown, .text = optarg, .arena = p->arena};
    return value_set(&v, p->known[at].record, e);
}

enum err options_parse(int argc, char *const *argv, bool leading,
                       const struct option_target targets[OPTION_TARGETS_MAX], struct arena *arena,
                       struct texts *ret_words, struct error *e)
{
    struct parser p = {.targets = targets, .arena = arena};
    parser_init(&p, leading);

    /* getopt_long() skips argv[0] and reorders what follows, so it gets a copy of its own. */
    char **words = arena_new_array(arena, (size_t)argc + 2, char *);
    words[0] = arena_text(arena, "webhost");
    for (int i = 0; i < argc; i++)
        words[i + 1] = argv[i];

    optind = 0; /* glibc: start afresh, with the new letters */
    opterr = 0;
    int code;
    while ((code = getopt_long(argc + 1, words, p.letters, p.longs, NULL)) != -1) {
        bool value_apart = code != '?' && code != ':' && optarg && optarg == words[optind - 1];
        TRY(take(&p, code, words[optind - (value_apart ? 2 : 1)], e));
    }
    size_t left = (size_t)(argc + 1 - optind);
    struct texts rest = {.items = arena_new_array(arena, left + 1, const char *)};
    for (size_t i = 0; i < left; i++)
        rest.items[rest.count++] = words[(size_t)optind + i];
    *ret_words = rest;
    return OK;
}

enum err options_require(const struct option_spec *specs, const void *record, struct error *e)
{
    for (size_t i = 0; i < specs_count(specs); i++) {
        const struct option_spec *spec = &specs[i];
        if (spec->field.required && !option_is_given(spec, record))
            return error_set(e, ERR_INVALID, "--%s %s is required", spec->field.name,
                             spec->metavar ? spec->metavar : "VALUE");
    }
    return OK;
}

enum err arguments_parse(const struct option_spec *specs, struct texts words, struct arena *arena,
                         void *record, struct error *e)
{
    size_t known = specs_count(specs);
    for (size_t i = 0; i < words.count; i++) {
        if (i >= known)
            return error_set(e, ERR_INVALID, "unexpected argument \"%s\"", words.items[i]);
        struct value v = {&specs[i], specs[i].field.name, words.items[i], arena};
        TRY(value_set(&v, record, e));
    }
    for (size_t i = words.count; i < known; i++) {
        if (specs[i].field.required)
            return error_set(e, ERR_INVALID, "%s is missing", specs[i].field.name);
    }
    return OK;
}
