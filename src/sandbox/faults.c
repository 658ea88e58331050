#include "sandbox/faults.h"

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

/*
 * The list is emptied as a whole, so its texts live in one arena. `lock` guards all of it.
 */
struct faults {
    pthread_mutex_t lock;
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
}

void faults_free(struct faults *f)
{
    if (!f)
        return;
    empty(f);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}

static bool matches(const struct fault_input *in, const struct http_request *request)
{
    if (in->match.method >= 0 && in->match.method != (int)request->method)
        return false;
    return !in->match.path_prefix ||
           str_starts_with(str_from(request->path), str_from(in->match.path_prefix));
}

struct fault_effect faults_take(struct faults *f, const struct http_request *request)
{
    struct fault_effect effect = FAULT_NONE;
    (void)pthread_mutex_lock(&f->lock);
    for (struct fault *fault = f->first; fault; fault = fault->next) {
        struct fault_input *in = &fault->in;
        if (in->count == 0 || !matches(in, request))
            continue;
        if (in->skip > 0) {
            in->skip--;
            continue;
        }
        if (in->count != INT_ABSENT)
            in->count--;
        effect = in->effect;
        effect.body = arena_text(request->arena, effect.body);
        break;
    }
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
                  in.effect.drop_reply;
    if (effects != 1)
        return call_refuse(c, 400, NULL,
                           "effect: give one of latency_ms, status and drop_reply_after_effect");
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

enum err faults_add(struct call *c, struct error *e)
{
    (void)e;
    if (!json_is_array(c->body))
        return call_refuse(c, 400, NULL, "the body must be a list of faults");
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

enum err faults_show(struct call *c, struct error *e)
{
    (void)e;
    json_t *list = json_array();
    struct faults *f = call_faults(c);
    (void)pthread_mutex_lock(&f->lock);
    for (const struct fault *fault = f->first; fault; fault = fault->next)
        json_push(list, json_encode(fault_fields, &fault->in, JSON_OMIT_ABSENT));
    (void)pthread_mutex_unlock(&f->lock);
    return call_answer(c, 200, json_packed("{s:o}", "faults", list));
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
