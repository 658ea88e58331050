#include "domain/usage/ingest.h"

#include "domain/usage/ingest_group.h"
#include "ingest.sql.h"

#include <inttypes.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    PARSERS_KEPT = 64,
    GROUP_MAX = 64,          /* batches in one transaction */
    GROUP_HOURS_MAX = 20000, /* hours in one, but for one batch that has more */
    SIBLINGS_WAIT_US = 5000, /* at most, for batches that are being read */
};

struct ingest {
    const struct env *env;
    struct hash_key users, ids;

    pthread_mutex_t lock; /* guards what follows, and `done` and `leads` of batches */
    struct ingest_batch *queue, **queue_end;
    size_t queued;
    size_t reading; /* batches that will be in the queue soon, or fail */
    pthread_cond_t read;
    bool led;
    struct usage_parser *parsers[PARSERS_KEPT];
    size_t parser_count;

    struct seen_set *seen; /* the leader's */
};

/* -- parsing ---------------------------------------------------------------------------------- */

struct find_work {
    const char *name;
    struct arena *arena;
    const char *id;
};

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct find_work *w = arg;
    return db_get_text(tx, &usage_customer_find, DB_ARGS(db_text(w->name)), w->arena, &w->id, e);
}

static enum err find_customer(void *arg, struct str subject, struct arena *arena,
                              const char **ret_id, struct error *e)
{
    const struct ingest *ingest = arg;
    _cleanup_arena_ struct arena scratch = {0};
    if (memchr(subject.ptr, '\0', subject.len))
        return OK; /* which no id has */
    struct find_work w = {arena_text_n(&scratch, subject.ptr, subject.len), arena, NULL};
    TRY(db_read(ingest->env->db, find_work, &w, e));
    *ret_id = w.id;
    return OK;
}

static struct usage_parser *take_parser(struct ingest *ingest)
{
    struct usage_parser *parser = NULL;
    pthread_mutex_lock(&ingest->lock);
    ingest->reading++;
    if (ingest->parser_count > 0)
        parser = ingest->parsers[--ingest->parser_count];
    pthread_mutex_unlock(&ingest->lock);
    if (parser)
        return parser;
    return usage_parser_new(
        &(struct usage_parser_options){find_customer, ingest, &ingest->users, &ingest->ids});
}

static void give_parser(struct ingest *ingest, struct usage_parser *parser)
{
    usage_unload(parser);
    pthread_mutex_lock(&ingest->lock);
    if (ingest->parser_count < PARSERS_KEPT) {
        ingest->parsers[ingest->parser_count++] = parser;
        parser = NULL;
    }
    pthread_mutex_unlock(&ingest->lock);
    usage_parser_free(parser);
}

static enum err parse(struct ingest *ingest, struct ingest_batch *b, struct error *e)
{
    const struct ingest_request *r = b->request;
    b->parsed_as = (struct usage_request){
        .format = r->format,
        .customer_id = r->customer_id,
        .now = env_now(ingest->env),
        .want_ids = r->dedupe,
    };
    TRY(usage_load(b->parser, &r->body, e));
    TRY(usage_parse(b->parser, &b->parsed_as, b->arena, &b->batch, e));
    b->id_count = b->batch.id_count;
    b->ids = arena_new_array(b->arena, b->id_count, struct usage_event_id);
    if (b->id_count > 0)
        memcpy(b->ids, b->batch.ids, b->id_count * sizeof(*b->ids));
    b->body = ingest_reply_text(&b->batch, b->arena);
    if (!r->key)
        return OK;
    /* Not a cryptographic one: it finds a sender's mistake, and a sender harms only itself. */
    XXH128_hash_t hash = XXH3_128bits_withSeed(r->body.text.ptr, r->body.text.len,
                                               (uint64_t)r->format * 2 + r->dedupe);
    (void)snprintf(b->fingerprint, sizeof(b->fingerprint), "%016" PRIx64 "%016" PRIx64,
                   (uint64_t)hash.high64, (uint64_t)hash.low64);
    return OK;
}

/* -- the group -------------------------------------------------------------------------------- */

static bool has_key(const struct ingest_batch *group, const struct ingest_batch *b)
{
    for (; group && b->request->key; group = group->next) {
        if (group->request->key && text_eq(group->request->key, b->request->key) &&
            text_eq(group->request->token_id, b->request->token_id))
            return true;
    }
    return false;
}

/*
 * Called and returns with the lock held. A batch whose key is in the group already waits for the
 * next one, where it finds the key stored.
 */
static struct ingest_batch *take_group(struct ingest *ingest)
{
    struct ingest_batch *group = NULL, **end = &group;
    struct ingest_batch **left = &ingest->queue;
    size_t hours = 0;
    for (size_t count = 0; *left;) {
        struct ingest_batch *b = *left;
        bool fits = !group || (count < GROUP_MAX && hours + b->batch.cell_count <= GROUP_HOURS_MAX);
        if (!fits || has_key(group, b)) {
            left = &b->next;
            continue;
        }
        *left = b->next;
        b->next = NULL;
        *end = b;
        end = &b->next;
        hours += b->batch.cell_count;
        count++;
        ingest->queued--;
    }
    ingest->queue_end = left;
    return group;
}

/* What is wrong with one batch must not be everybody's: each is tried alone then. */
static bool is_about_one(enum err err)
{
    return err == ERR_INVALID || err == ERR_CONFLICT || err == ERR_TOO_LARGE || err == ERR_CORRUPT;
}

static void store(struct ingest *ingest, struct ingest_batch *first)
{
    struct ingest_group group = {ingest->env, first, ingest->seen};
    struct error error = {0};
    if (ingest_group_store(&group, &error) == OK)
        return;
    if (!first->next || !is_about_one(error.code)) {
        for (struct ingest_batch *b = first; b; b = b->next)
            b->error = error;
        return;
    }
    for (struct ingest_batch *b = first; b; b = b->next) {
        struct ingest_batch *next = b->next;
        b->next = NULL;
        group.first = b;
        if (ingest_group_store(&group, &error) != OK)
            b->error = error;
        b->next = next;
    }
}

/*
 * Called and returns with the lock held. Rows are written once for a group, however many batches it
 * has, so a moment's wait for those who are nearly there makes all of them faster. The last third
 * is not waited for: it gives the other cores something to read during the transaction. Nobody
 * waits who is alone.
 */
static void wait_for_siblings(struct ingest *ingest)
{
    struct timespec until;
    BUG_ON(clock_gettime(CLOCK_MONOTONIC, &until) != 0);
    until.tv_nsec += SIBLINGS_WAIT_US * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int waited = 0;
    while (ingest->reading > ingest->queued / 2 && ingest->queued < GROUP_MAX && waited == 0)
        waited = pthread_cond_timedwait(&ingest->read, &ingest->lock, &until);
}

/* Called and returns with the lock held. */
static void lead(struct ingest *ingest, const struct ingest_batch *self)
{
    wait_for_siblings(ingest);
    struct ingest_batch *group = take_group(ingest);
    BUG_ON(group != self);
    pthread_mutex_unlock(&ingest->lock);
    store(ingest, group);
    pthread_mutex_lock(&ingest->lock);
    while (group) {
        struct ingest_batch *next = group->next; /* once `done` is seen, the batch is gone */
        group->done = true;
        if (group != self)
            pthread_cond_signal(&group->wake);
        group = next;
    }
    ingest->led = ingest->queue != NULL;
    if (ingest->queue) {
        ingest->queue->leads = true;
        pthread_cond_signal(&ingest->queue->wake);
    }
}

/* Called with the lock held. */
static void has_read(struct ingest *ingest)
{
    ingest->reading--;
    pthread_cond_signal(&ingest->read);
}

static void store_with_others(struct ingest *ingest, struct ingest_batch *b)
{
    BUG_ON(pthread_cond_init(&b->wake, NULL) != 0);
    pthread_mutex_lock(&ingest->lock);
    *ingest->queue_end = b;
    ingest->queue_end = &b->next;
    ingest->queued++;
    has_read(ingest);
    if (!ingest->led)
        ingest->led = b->leads = true;
    while (!b->done && !b->leads)
        pthread_cond_wait(&b->wake, &ingest->lock);
    if (!b->done)
        lead(ingest, b);
    pthread_mutex_unlock(&ingest->lock);
    BUG_ON(pthread_cond_destroy(&b->wake) != 0);
}

enum err ingest_add(struct ingest *ingest, const struct ingest_request *request,
                    struct arena *arena, struct ingest_reply *ret_reply, struct error *e)
{
    struct ingest_batch b = {
        .request = request, .parser = take_parser(ingest), .arena = arena, .fingerprint = ""};
    enum err err = parse(ingest, &b, e);
    if (!request->dedupe) { /* else it may have to parse again; this one is still in the cache */
        give_parser(ingest, b.parser);
        b.parser = NULL;
    }
    if (err == OK) {
        store_with_others(ingest, &b);
        err = b.error.code;
        if (err != OK)
            *e = b.error;
        else
            *ret_reply = (struct ingest_reply){b.body, b.replayed};
    } else {
        pthread_mutex_lock(&ingest->lock);
        has_read(ingest);
        pthread_mutex_unlock(&ingest->lock);
    }
    if (b.parser)
        give_parser(ingest, b.parser);
    usage_batch_release(&b.batch);
    return err;
}

/* -- lifecycle -------------------------------------------------------------------------------- */

struct ingest *ingest_new(const struct env *env, const struct secret *key)
{
    struct ingest *ingest = calloc(1, sizeof(*ingest));
    BUG_ON(!ingest);
    ingest->env = env;
    hash_key_derive(key, "\nusage users", &ingest->users);
    hash_key_derive(key, "\nusage event ids", &ingest->ids);
    BUG_ON(pthread_mutex_init(&ingest->lock, NULL) != 0);
    pthread_condattr_t attr;
    BUG_ON(pthread_condattr_init(&attr) != 0);
    BUG_ON(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0);
    BUG_ON(pthread_cond_init(&ingest->read, &attr) != 0);
    BUG_ON(pthread_condattr_destroy(&attr) != 0);
    ingest->queue_end = &ingest->queue;
    ingest->seen = calloc(SEEN_SETS, sizeof(*ingest->seen));
    BUG_ON(!ingest->seen);
    return ingest;
}

void ingest_free(struct ingest *ingest)
{
    if (!ingest)
        return;
    BUG_ON(ingest->queue || ingest->led);
    while (ingest->parser_count > 0)
        usage_parser_free(ingest->parsers[--ingest->parser_count]);
    BUG_ON(pthread_cond_destroy(&ingest->read) != 0);
    BUG_ON(pthread_mutex_destroy(&ingest->lock) != 0);
    free(ingest->seen);
    free(ingest);
}

enum err usage_keys_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                          struct error *e)
{
    return db_exec(tx, &usage_keys_delete_old, DB_ARGS(db_int(before), db_int(max)), ret_deleted,
                   e);
}
