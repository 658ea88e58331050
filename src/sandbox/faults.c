#include "sandbox/faults.h"

#include "base/decimal.h"

#include <pthread.h>

#define FAULTS_MAX 1000

struct fault_match {
    int method; /* -1: any */
    const char *path_prefix;
};

struct fault_input {
    struct fault_match match;
    struct fault_effect effect;
    int64_t skip;
    int64_t count; /* INT_ABSENT: for ever */
};

struct fault {
    struct fault *next;
    struct fault_input in;
};

struct random_input {
    decimal rate;
    int64_t seed, latency_ms;
    struct texts kinds;
};

static const struct field random_fields[] = {
    {"rate", FIELD_DECIMAL, offsetof(struct random_input, rate), .required = true, .min = 0,
     .max = DECIMAL_ONE},
    {"seed", FIELD_INT, offsetof(struct random_input, seed), .min = 0, .max = INT64_MAX},
    {"kinds", FIELD_TEXTS, offsetof(struct random_input, kinds), .min = 1, .max = FAULT_KINDS,
     .names = fault_kind_names},
    {"latency_ms", FIELD_INT, offsetof(struct random_input, latency_ms), .min = 1, .max = 600000},
    FIELD_END,
};

/* Faults at random; `rate` 0 is off. */
struct lottery {
    decimal rate;
    uint64_t seed, drawn; /* one draw for each request */
    int64_t latency_ms;   /* INT_ABSENT: the default of the kind */
    bool has[FAULT_KINDS];
};

/*
 * The list is emptied as a whole, so its texts live in one arena. `lock` guards all of it.
 */
struct faults {
    pthread_mutex_t lock;
    struct lottery lottery;
    int64_t given[FAULT_KINDS]; /* since the last DELETE */
    int64_t given_unnamed;
    struct arena arena;
    struct fault *first, **last;
    size_t size;
};

static const struct field match_fields[] = {
    {"method", FIELD_ENUM, offsetof(struct fault_match, method), .names = http_method_names},
    {"path_prefix", FIELD_TEXT, offsetof(struct fault_match, path_prefix)},
    FIELD_END,
};

static const struct field effect_fields[] = {
    {"latency_ms", FIELD_INT, offsetof(struct fault_effect, latency_ms), .min = 1, .max = 600000},
    {"status", FIELD_INT, offsetof(struct fault_effect, status), .min = 200, .max = 599},
    {"body", FIELD_JSON, offsetof(struct fault_effect, body)},
    {"drop_reply_after_effect", FIELD_BOOL, offsetof(struct fault_effect, drop_reply)},
    {"kind", FIELD_ENUM, offsetof(struct fault_effect, kind), .names = fault_kind_names},
    FIELD_END,
};

static const struct field fault_fields[] = {
    {"match", FIELD_OBJECT, offsetof(struct fault_input, match), .fields = match_fields},
    {"effect", FIELD_OBJECT, offsetof(struct fault_input, effect), .required = true,
     .fields = effect_fields},
    {"skip", FIELD_INT, offsetof(struct fault_input, skip), .min = 0, .max = INT64_MAX},
    {"count", FIELD_INT, offsetof(struct fault_input, count), .min = 0, .max = INT64_MAX},
    FIELD_END,
};

struct faults *faults_new(void)
{
    struct faults *f = calloc(1, sizeof(*f));
    BUG_ON(!f);
    BUG_ON(pthread_mutex_init(&f->lock, NULL) != 0);
    f->last = &f->first;
    return f;
}

static void empty(struct faults *f)
{
    arena_release(&f->arena);
    f->arena = (struct arena){0};
    f->first = NULL;
    f->last = &f->first;
    f->size = 0;
    f->lottery = (struct lottery){0};
    memset(f->given, 0, sizeof(f->given));
    f->given_unnamed = 0;
}

void faults_free(struct faults *f)
{
    if (!f)
        return;
    empty(f);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}

static bool matches(const struct fault_input *in, enum api api, const struct http_request *request)
{
    if (in->match.method >= 0 && in->match.method != (int)request->method)
        return false;
    if (in->effect.kind >= 0 && !fault_kind_fits((enum fault_kind)in->effect.kind, api, request))
        return false;
    return !in->match.path_prefix ||
           str_starts_with(str_from(request->path), str_from(in->match.path_prefix));
}

static struct fault_effect take_listed(struct faults *f, enum api api,
                                       const struct http_request *request)
{
    for (struct fault *fault = f->first; fault; fault = fault->next) {
        struct fault_input *in = &fault->in;
        if (in->count == 0 || !matches(in, api, request))
            continue;
        if (in->skip > 0) {
            in->skip--;
            continue;
        }
        if (in->count != INT_ABSENT)
            in->count--;
        struct fault_effect effect = in->effect;
        effect.body = arena_text(request->arena, effect.body);
        return effect;
    }
    return FAULT_NONE;
}

/* SplitMix64: a good number for every position of every seed. */
static uint64_t draw(struct lottery *l, uint64_t salt)
{
    uint64_t z = l->seed + (l->drawn * 2 + salt + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static struct fault_effect take_random(struct lottery *l, enum api api,
                                       const struct http_request *request)
{
    struct fault_effect effect = FAULT_NONE;
    enum fault_kind fitting[FAULT_KINDS];
    size_t count = 0;
    for (int i = 0; i < FAULT_KINDS; i++) {
        if (l->has[i] && fault_kind_fits((enum fault_kind)i, api, request))
            fitting[count++] = (enum fault_kind)i;
    }
    bool hits = (int64_t)(draw(l, 0) % (uint64_t)DECIMAL_ONE) < l->rate;
    uint64_t which = draw(l, 1);
    l->drawn++;
    if (hits && count > 0)
        effect.kind = (int)fitting[which % count];
    if (effect.kind == FAULT_LATENCY)
        effect.latency_ms = l->latency_ms;
    return effect;
}

static bool is_none(const struct fault_effect *effect)
{
    return effect->kind < 0 && effect->latency_ms == INT_ABSENT && effect->status == INT_ABSENT &&
           !effect->drop_reply;
}

struct fault_effect faults_take(struct faults *f, enum api api, const struct http_request *request)
{
    (void)pthread_mutex_lock(&f->lock);
    struct fault_effect effect = take_listed(f, api, request);
    if (is_none(&effect) && f->lottery.rate > 0)
        effect = take_random(&f->lottery, api, request);
    if (effect.kind >= 0)
        f->given[effect.kind]++;
    else if (!is_none(&effect))
        f->given_unnamed++;
    (void)pthread_mutex_unlock(&f->lock);
    return effect;
}

static enum err read_fault(struct call *c, json_t *object, struct fault_input *ret_input)
{
    struct fault_input in;
    record_clear(fault_fields, &in);
    in.skip = 0;
    struct problems *problems = arena_new(c->arena, struct problems);
    problems->arena = c->arena;
    struct error why;
    if (!json_decode(fault_fields, object, "", NULL, c->arena, &in, problems)) {
        (void)problems_error(problems, &why);
        return call_refuse(c, 400, NULL, "%s", why.text);
    }
    int effects = (in.effect.latency_ms != INT_ABSENT) + (in.effect.status != INT_ABSENT) +
                  in.effect.drop_reply + (in.effect.kind >= 0);
    if (effects != 1)
        return call_refuse(c, 400, NULL,
                           "effect: give one of kind, latency_ms, status, drop_reply_after_effect");
    *ret_input = in;
    return OK;
}

static void append(struct faults *f, const struct fault_input *in)
{
    struct fault *fault = arena_new(&f->arena, struct fault);
    fault->in = *in;
    fault->in.match.path_prefix = arena_text(&f->arena, in->match.path_prefix);
    fault->in.effect.body = arena_text(&f->arena, in->effect.body);
    *f->last = fault;
    f->last = &fault->next;
    f->size++;
}

static enum err set_lottery(struct call *c, struct error *e)
{
    struct random_input in;
    record_clear(random_fields, &in);
    TRY(call_decode(c, random_fields, &in));
    struct lottery lottery = {
        .rate = in.rate,
        .seed = in.seed == INT_ABSENT ? 0 : (uint64_t)in.seed,
        .latency_ms = in.latency_ms,
    };
    for (size_t i = 0; i < FAULT_KINDS; i++)
        lottery.has[i] = !in.kinds.items;
    for (size_t i = 0; i < in.kinds.count; i++)
        lottery.has[enum_from_text(fault_kind_names, str_from(in.kinds.items[i]))] = true;
    struct faults *f = call_faults(c);
    (void)pthread_mutex_lock(&f->lock);
    f->lottery = lottery;
    (void)pthread_mutex_unlock(&f->lock);
    return faults_show(c, e);
}

enum err faults_add(struct call *c, struct error *e)
{
    if (json_is_object(c->body))
        return set_lottery(c, e);
    size_t count = json_array_size(c->body);
    struct fault_input *inputs = arena_new_array(c->arena, count, struct fault_input);
    for (size_t i = 0; i < count; i++)
        TRY(read_fault(c, json_array_get(c->body, i), &inputs[i]));

    struct faults *f = call_faults(c);
    (void)pthread_mutex_lock(&f->lock);
    bool fits = f->size + count <= FAULTS_MAX;
    for (size_t i = 0; fits && i < count; i++)
        append(f, &inputs[i]);
    (void)pthread_mutex_unlock(&f->lock);
    if (!fits)
        return call_refuse(c, 400, NULL, "there may be at most %d faults; DELETE empties the list",
                           FAULTS_MAX);
    return faults_show(c, e);
}

static json_t *lottery_json(const struct lottery *l)
{
    if (l->rate == 0)
        return json_null();
    json_t *kinds = json_array();
    for (size_t i = 0; i < FAULT_KINDS; i++) {
        if (l->has[i])
            json_push(kinds, json_string(fault_kind_names[i]));
    }
    return json_packed("{s:o, s:I, s:o, s:I}", "rate", json_decimal(l->rate), "seed",
                       (json_int_t)l->seed, "kinds", kinds, "drawn", (json_int_t)l->drawn);
}

enum err faults_show(struct call *c, struct error *e)
{
    (void)e;
    json_t *list = json_array(), *given = json_object();
    struct faults *f = call_faults(c);
    (void)pthread_mutex_lock(&f->lock);
    for (const struct fault *fault = f->first; fault; fault = fault->next)
        json_push(list, json_encode(fault_fields, &fault->in, JSON_OMIT_ABSENT));
    for (size_t i = 0; i < FAULT_KINDS; i++)
        json_put(given, fault_kind_names[i], json_integer(f->given[i]));
    json_put(given, "unnamed", json_integer(f->given_unnamed));
    json_t *random = lottery_json(&f->lottery);
    (void)pthread_mutex_unlock(&f->lock);
    return call_answer(
        c, 200, json_packed("{s:o, s:o, s:o}", "faults", list, "random", random, "given", given));
}

enum err faults_clear(struct call *c, struct error *e)
{
    (void)e;
    struct faults *f = call_faults(c);
    (void)pthread_mutex_lock(&f->lock);
    empty(f);
    (void)pthread_mutex_unlock(&f->lock);
    return call_answer(c, 204, NULL);
}
