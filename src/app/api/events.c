#include "app/api/events.h"

#include "app/api/api.h"
#include "domain/jobs/queue.h"
#include "domain/migration/progress.h"
#include "domain/migration/proposal.h"

#define KINDS_MAX      8
#define TEXT_MAX       ((size_t)1 << 20) /* of one topic */
#define MOVES_TOLD_MAX 100
#define RETRY_MS       2000
#define JOBS_EVERY     4 /* ticks; counting them costs more than the others */

/* -- kinds ------------------------------------------------------------------------------------- */

struct reading {
    struct db_tx *tx;
    const struct event_hub *hub;
    struct arena *arena;
};

struct kind {
    const char *name; /* of its events */
    enum err (*read)(const struct reading *r, json_t **ret, struct error *e);
    int64_t every; /* ticks */
};

static enum err read_moves(const struct reading *r, json_t **ret, struct error *e);
static enum err read_proposals(const struct reading *r, json_t **ret, struct error *e);
static enum err read_jobs(const struct reading *r, json_t **ret, struct error *e);

static const struct kind kinds[] = {
    {"migrations", read_moves, 1},
    {"proposals", read_proposals, 1},
    {"jobs", read_jobs, JOBS_EVERY},
};
#define KINDS ARRAY_LEN(kinds)
_Static_assert(KINDS <= KINDS_MAX, "room for each kind");

/* -- topics ------------------------------------------------------------------------------------ */

struct topic {
    struct topic *next;
    const struct kind *kind; /* NULL: a move */
    char move_id[UUID_TEXT_MAX];
    unsigned followers;
    int64_t edition; /* of the text: a move's version, or how often a kind's has changed */
    char *text;      /* NULL: not read yet */
    bool over;
};

struct event_hub {
    const struct env *env;
    const struct job_queue *queues;
    size_t queue_count;
    int64_t ticks;        /* the pump's thread alone */
    pthread_mutex_t lock; /* guards the topics; only a tick frees one or writes its text */
    struct topic *topics;
};

struct follower {
    struct http_source source; /* first */
    struct event_hub *hub;
    bool over;
    size_t count;
    struct {
        struct topic *topic;
        int64_t edition; /* that was sent */
    } follows[KINDS_MAX];
};

static void lock(struct event_hub *hub)
{
    BUG_ON(pthread_mutex_lock(&hub->lock) != 0);
}

static void unlock(struct event_hub *hub)
{
    BUG_ON(pthread_mutex_unlock(&hub->lock) != 0);
}

static void free_topic(struct topic *t)
{
    free(t->text);
    free(t);
}

struct event_hub *event_hub_new(const struct env *env, const struct job_queue *queues,
                                size_t queue_count)
{
    struct event_hub *hub = calloc(1, sizeof(*hub));
    BUG_ON(!hub || pthread_mutex_init(&hub->lock, NULL) != 0);
    hub->env = env;
    hub->queues = queues;
    hub->queue_count = queue_count;
    return hub;
}

void event_hub_free(struct event_hub *hub)
{
    if (!hub)
        return;
    for (struct topic *t = hub->topics, *next; t; t = next) {
        next = t->next;
        BUG_ON(t->followers > 0);
        free_topic(t);
    }
    BUG_ON(pthread_mutex_destroy(&hub->lock) != 0);
    free(hub);
}

/* With the lock: the topic, with one more follower. */
static struct topic *join(struct event_hub *hub, const struct kind *kind, const char *move_id)
{
    struct topic *t = hub->topics;
    while (t && (t->kind != kind || (move_id && !text_eq(t->move_id, move_id))))
        t = t->next;
    if (!t) {
        t = calloc(1, sizeof(*t));
        BUG_ON(!t);
        t->kind = kind;
        t->next = hub->topics;
        if (move_id)
            (void)snprintf(t->move_id, sizeof(t->move_id), "%s", move_id);
        hub->topics = t;
    }
    t->followers++;
    return t;
}

/* -- followers --------------------------------------------------------------------------------- */

static bool fill(struct http_source *self, struct buf *out)
{
    struct follower *f = (struct follower *)self;
    bool over = f->over;
    lock(f->hub);
    for (size_t i = 0; i < f->count && !over; i++) {
        const struct topic *t = f->follows[i].topic;
        if (!t->text || t->edition == f->follows[i].edition)
            continue;
        char id[24];
        (void)snprintf(id, sizeof(id), "%lld", (long long)t->edition);
        http_event_write(out, t->kind ? NULL : id, t->kind ? t->kind->name : "migration", t->text);
        f->follows[i].edition = t->edition;
        over = t->over;
    }
    unlock(f->hub);
    return !over;
}

static void leave(struct http_source *self)
{
    struct follower *f = (struct follower *)self;
    lock(f->hub);
    for (size_t i = 0; i < f->count; i++)
        f->follows[i].topic->followers--;
    unlock(f->hub);
    free(f);
}

static struct follower *follower_new(struct event_hub *hub)
{
    struct follower *f = calloc(1, sizeof(*f));
    BUG_ON(!f);
    f->source = (struct http_source){fill, leave};
    f->hub = hub;
    return f;
}

static void follow(struct follower *f, const struct kind *kind, const char *move_id,
                   int64_t edition)
{
    lock(f->hub);
    f->follows[f->count].topic = join(f->hub, kind, move_id);
    f->follows[f->count++].edition = edition;
    unlock(f->hub);
}

struct http_source *event_hub_watch(struct event_hub *hub)
{
    struct follower *f = follower_new(hub);
    for (size_t i = 0; i < KINDS; i++)
        follow(f, &kinds[i], NULL, 0);
    return &f->source;
}

struct http_source *event_hub_watch_move(struct event_hub *hub, const char *move_id,
                                         int64_t version, bool over)
{
    struct follower *f = follower_new(hub);
    f->over = over;
    follow(f, NULL, move_id, version);
    return &f->source;
}

/* -- the tick ---------------------------------------------------------------------------------- */

/* With the lock. */
static void drop_unfollowed(struct event_hub *hub)
{
    for (struct topic **link = &hub->topics; *link;) {
        struct topic *t = *link;
        if (t->followers > 0) {
            link = &t->next;
            continue;
        }
        *link = t->next;
        free_topic(t);
    }
}

static void set_text(struct event_hub *hub, struct topic *t, const char *text, int64_t edition,
                     bool over)
{
    char *copy = strdup(text);
    BUG_ON(!copy);
    lock(hub);
    free(t->text);
    t->text = copy;
    t->edition = edition;
    t->over = over;
    unlock(hub);
}

static enum err read_kind(const struct reading *r, struct event_hub *hub, struct topic *t,
                          struct error *e)
{
    _cleanup_json_ json_t *value = NULL;
    if (t->text && hub->ticks % t->kind->every != 0)
        return OK;
    TRY(t->kind->read(r, &value, e));
    const char *text = json_text(value, r->arena);
    if (!t->text || !text_eq(text, t->text))
        set_text(hub, t, text, t->edition + 1, false);
    return OK;
}

static enum err read_move(const struct reading *r, struct event_hub *hub, struct topic *t,
                          struct error *e)
{
    struct move move;
    _cleanup_json_ json_t *shown = NULL;
    TRY(move_find(r->tx, t->move_id, r->arena, &move, e));
    if (t->text && move.version == t->edition)
        return OK;
    TRY(move_detail_json(r->tx, hub->env, &move, r->arena, &shown, e));
    set_text(hub, t, json_text(shown, r->arena), move.version,
             move_is_over((enum move_state)move.state));
    return OK;
}

/* The list may grow at its head meanwhile; topics stay until this thread drops them. */
static enum err read_all(struct db_tx *tx, void *arg, struct error *e)
{
    struct event_hub *hub = arg;
    lock(hub);
    struct topic *first = hub->topics;
    unlock(hub);
    for (struct topic *t = first; t; t = t->next) {
        _cleanup_arena_ struct arena arena = {0};
        struct reading r = {tx, hub, &arena};
        TRY(t->kind ? read_kind(&r, hub, t, e) : read_move(&r, hub, t, e));
    }
    return OK;
}

/* When the database does not answer, nothing is told; the next tick asks again. */
void event_hub_tick(void *arg)
{
    struct event_hub *hub = arg;
    struct error ignored;
    lock(hub);
    drop_unfollowed(hub);
    unlock(hub);
    (void)db_read(hub->env->db, read_all, hub, &ignored);
    hub->ticks++;
}

/* -- what the kinds tell ----------------------------------------------------------------------- */

static enum err read_moves(const struct reading *r, json_t **ret, struct error *e)
{
    struct records moves;
    TRY(move_list_running(r->tx, MOVES_TOLD_MAX, r->arena, &moves, e));
    json_t *list = json_array();
    const struct move *items = moves.items;
    for (size_t i = 0; i < moves.count; i++)
        (void)json_array_append_new(list, move_json(&items[i]));
    *ret = json_pack("{s:o}", "migrations", list);
    return OK;
}

static enum err read_proposals(const struct reading *r, json_t **ret, struct error *e)
{
    int64_t pending;
    TRY(proposal_count_pending(r->tx, &pending, e));
    *ret = json_pack("{s:I}", "pending", (json_int_t)pending);
    return OK;
}

static enum err read_jobs(const struct reading *r, json_t **ret, struct error *e)
{
    _cleanup_json_ json_t *queues = json_array();
    for (size_t i = 0; i < r->hub->queue_count; i++) {
        struct queue_depth depth;
        TRY(queue_depth(r->tx, r->hub->queues[i].name, &depth, e));
        (void)json_array_append_new(queues, json_encode(queue_depth_fields, &depth, 0));
    }
    *ret = json_pack("{s:O}", "queues", queues);
    return OK;
}

/* -- handlers ---------------------------------------------------------------------------------- */

/* Through proxies that hold back what is short, too. */
static void open_stream(struct api_call *call, struct http_source *source)
{
    http_event_retry(&call->events, RETRY_MS);
    call->source = source;
}

enum err api_events(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    (void)e;
    call->events = BUF_INIT(TEXT_MAX);
    open_stream(call, event_hub_watch(call->api->hub));
    return OK;
}

struct move_work {
    struct api_call *call;
    struct move move;
    json_t *shown;
};

static enum err move_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct move_work *w = arg;
    struct api_call *call = w->call;
    json_decref(w->shown);
    w->shown = NULL;
    TRY(move_find(tx, http_param(call->request, "id"), call->arena, &w->move, e));
    return move_detail_json(tx, call->api->env, &w->move, call->arena, &w->shown, e);
}

/* The move as it is now comes at once, unless the client has it already. */
enum err api_migration_events(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct api *api = call->api;
    const char *last = http_header(call->request, "Last-Event-ID");
    struct move_work w = {.call = call};
    int64_t known;
    enum err err = db_read(api->env->db, move_work, &w, e);
    _cleanup_json_ json_t *shown = w.shown;
    TRY(err);
    call->events = BUF_INIT(TEXT_MAX);
    if (!last || !str_to_i64(str_from(last), &known) || known != w.move.version)
        http_event_write(&call->events,
                         arena_printf(call->arena, "%lld", (long long)w.move.version), "migration",
                         json_text(shown, call->arena));
    open_stream(call, event_hub_watch_move(api->hub, w.move.id, w.move.version,
                                           move_is_over((enum move_state)w.move.state)));
    return OK;
}
