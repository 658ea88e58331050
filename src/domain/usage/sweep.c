#include "domain/usage/sweep.h"

#include "base/log.h"
#include "domain/jobs/lease.h"
#include "domain/usage/facts_row.h"
#include "sweep.sql.h"

#define SWEEP_WORKER  "SweepWorker"
#define SWEEP_QUEUE   "maintenance"
#define SWEEP_LEASE   "sweep"
#define LEASE_US      (60 * USEC_PER_SEC)
#define PAGE_ROWS     10000
#define ID_MAX        64
#define VERDICT_WIDTH 8

#define AT(member) offsetof(struct sweep, member)

const struct field sweep_fields[] = {
    {"id", FIELD_TEXT, AT(id), .required = true, .help = "its id"},
    {"requested_by", FIELD_TEXT, AT(requested_by), .required = true, .help = "who asked"},
    {"policy", FIELD_TEXT, AT(policy), .required = true, .help = "the policy's name"},
    {"policy_sha256", FIELD_TEXT, AT(policy_sha256), .required = true,
     .help = "of the policy's text"},
    {"started_at", FIELD_TIME, AT(started_at), .required = true, .help = "when"},
    {"finished_at", FIELD_TIME, AT(finished_at), .help = "null while it runs"},
    {"took_us", FIELD_INT, AT(took_us), .help = "microseconds"},
    {"customers", FIELD_INT, AT(customers), .help = "who were judged"},
    {"decided", FIELD_INT, AT(decided), .help = "who were decided about anew"},
    {"changed", FIELD_INT, AT(changed), .help = "whose outcome is another"},
    {"due", FIELD_INT, AT(due), .help = "who are to move"},
    {"outcomes", FIELD_JSON, AT(outcomes), .help = "customers by outcome"},
    {"error", FIELD_TEXT, AT(error), .help = "why it ended early"},
    FIELD_END,
};

/* -- one run ----------------------------------------------------------------------------------- */

struct noted {
    char customer_id[ID_MAX];
    struct standing standing;
};

struct noted_list {
    struct noted *items;
    size_t count, room;
};

struct candidate {
    char customer_id[ID_MAX];
    struct verdict verdict;
};

/* One sweep. What grows with it is what is being moved or proposed, never the customers. */
struct run {
    const struct tracker *tracker;
    struct judge judge;
    struct sweep sweep;
    bool dry_run;
    int64_t holder; /* of the lease */
    struct arena *arena;

    struct noted_list standings; /* by customer */
    size_t standing_at;          /* the first that is not before the customer at hand */

    /* Who is due, the most urgent first; no more than may move. */
    struct candidate *due;
    size_t due_count, due_room;
    struct noted_list stale; /* proposals that are not what is recommended any more */
    int64_t counts[SWEEP_OUTCOMES];

    /* The page at hand. */
    char after[ID_MAX];
    size_t rows;
    char (*ids)[ID_MAX];
    struct db_value *changed; /* VERDICT_WIDTH for each */
    size_t changed_count;
};

static void run_init(struct run *r, const struct tracker *tracker, const char *requested_by,
                     bool dry_run, struct arena *arena)
{
    const struct env *env = tracker->env;
    int64_t now = env_now(env);
    *r = (struct run){
        .tracker = tracker,
        .judge = {tracker->policy, NULL, tracker->settings, now},
        .dry_run = dry_run,
        .holder = rng_below(env->rng, INT64_MAX),
        .arena = arena,
    };
    r->sweep = (struct sweep){
        .id = dry_run ? NULL : env_id(env, arena),
        .requested_by = requested_by,
        .policy = tracker->policy->name,
        .policy_sha256 = tracker->policy->sha256,
        .started_at = now,
        .finished_at = INT_ABSENT,
    };
    r->ids = calloc(PAGE_ROWS, sizeof(*r->ids));
    r->changed = calloc(PAGE_ROWS * VERDICT_WIDTH, sizeof(*r->changed));
    r->due = calloc((size_t)tracker->settings->moves_at_once + 1, sizeof(*r->due));
    BUG_ON(!r->ids || !r->changed || !r->due);
}

static void run_release(struct run *r)
{
    free(r->ids);
    free(r->changed);
    free(r->due);
    free(r->standings.items);
    free(r->stale.items);
}

static enum err copy_id(const struct db_value *v, char to[ID_MAX], struct error *e)
{
    size_t len = strlen(v->text);
    if (len >= ID_MAX)
        return error_set(e, ERR_CORRUPT, "the customer id %.100s is too long", v->text);
    memcpy(to, v->text, len + 1);
    return OK;
}

static struct noted *list_add(struct noted_list *list)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->items = reallocarray(list->items, list->room, sizeof(*list->items));
        BUG_ON(!list->items);
    }
    return &list->items[list->count++];
}

/* -- the lease --------------------------------------------------------------------------------- */

static enum err hold(struct db_tx *tx, const struct run *r, struct error *e)
{
    bool held;
    int64_t now;
    TRY(db_now(tx, &now, e));
    TRY(lease_take(tx, SWEEP_LEASE, r->holder, now, LEASE_US, &held, e));
    return held ? OK : error_set(e, ERR_CONFLICT, "another sweep runs at the moment");
}

static enum err begin_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct run *r = arg;
    const struct sweep *s = &r->sweep;
    TRY(hold(tx, r, e));
    TRY(db_exec(tx, &sweep_interrupt_others, DB_ARGS(db_int(s->started_at)), NULL, e));
    return db_exec(tx, &sweep_insert,
                   DB_ARGS(db_text(s->id), db_text(s->requested_by), db_text(s->policy),
                           db_text(s->policy_sha256), db_int(s->started_at)),
                   NULL, e);
}

/* -- reading ----------------------------------------------------------------------------------- */

static int64_t mode_of(const struct db_value *v)
{
    return v->type == DB_TEXT ? enum_from_text(mode_names, str_from(v->text)) : INT_ABSENT;
}

static enum err standing_row(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    struct run *r = arg;
    struct noted noted = {
        .standing = {(enum standing_kind)c[1].number, mode_of(&c[2]), facts_number(&c[3])}};
    TRY(copy_id(&c[0], noted.customer_id, e));
    struct noted_list *list = &r->standings;
    if (list->count > 0 && text_eq(list->items[list->count - 1].customer_id, noted.customer_id))
        return OK; /* a larger one came before */
    *list_add(list) = noted;
    return OK;
}

static enum err standings_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    int64_t rejected_since = r->judge.now - r->tracker->settings->rejected_days * USEC_PER_DAY;
    r->standings.count = 0;
    return db_each(tx, &sweep_standings, DB_ARGS(db_int(rejected_since)), standing_row, r, e);
}

/* Both lists are in the same order. */
static struct standing standing_at(struct run *r, const char *customer_id)
{
    const struct noted_list *list = &r->standings;
    while (r->standing_at < list->count) {
        const struct noted *noted = &list->items[r->standing_at];
        int order = strcmp(noted->customer_id, customer_id);
        if (order == 0)
            return noted->standing;
        if (order > 0)
            break;
        r->standing_at++;
    }
    return (struct standing){STANDING_NOTHING, INT_ABSENT, INT_ABSENT};
}

static void read_verdict(const struct db_value *c, struct verdict *v)
{
    *v = (struct verdict){
        .outcome = facts_number(&c[0]),
        .recommended = facts_number(&c[1]),
        .confidence = facts_number(&c[2]),
        .margin = facts_number(&c[3]),
        .saving = facts_number(&c[4]),
        .repeats = facts_number(&c[5]), /* INT_ABSENT without a verdict: less than one */
        .required = facts_number(&c[6]),
    };
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->outcome == b->outcome && a->recommended == b->recommended &&
           a->confidence == b->confidence && a->margin == b->margin && a->saving == b->saving &&
           a->repeats == b->repeats && a->required == b->required;
}

/* -- who is due -------------------------------------------------------------------------------- */

static bool goes_before(const struct verdict *a, const struct verdict *b)
{
    if (a->required != b->required)
        return a->required > b->required;
    return a->confidence > b->confidence;
}

/* Keeps the `due_room` most urgent in order; of equals whoever came first. */
static void add_due(struct run *r, const char *customer_id, const struct verdict *v)
{
    size_t at = r->due_count;
    while (at > 0 && goes_before(v, &r->due[at - 1].verdict))
        at--;
    if (at == r->due_room)
        return;
    r->due_count += r->due_count < r->due_room;
    memmove(&r->due[at + 1], &r->due[at], (r->due_count - 1 - at) * sizeof(*r->due));
    r->due[at].verdict = *v;
    memcpy(r->due[at].customer_id, customer_id, strlen(customer_id) + 1);
}

static void count_moves(struct run *r)
{
    size_t moving = 0, most = (size_t)r->tracker->settings->moves_at_once;
    for (size_t i = 0; i < r->standings.count; i++)
        moving += r->standings.items[i].standing.kind >= STANDING_EVALUATED;
    r->due_room = moving < most ? most - moving : 0;
}

/* -- a page ------------------------------------------------------------------------------------ */

static void put_verdict(struct db_value *row, const char *customer_id, const struct verdict *v)
{
    row[0] = db_text(customer_id);
    row[1] = db_int(v->outcome);
    row[2] = db_int(v->recommended);
    row[3] = db_int(v->confidence);
    row[4] = db_int(v->margin);
    row[5] = db_int(v->saving);
    row[6] = db_int(v->repeats);
    row[7] = db_int(v->required);
}

/* A pending proposal that is not the thing to propose now: somebody must close it. */
static bool is_stale(const struct standing *s, const struct verdict *v)
{
    return s->kind == STANDING_PROPOSED && v->outcome != SWEEP_PROPOSED;
}

static enum err page_row(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    struct run *r = arg;
    struct facts facts;
    struct verdict before, v;
    TRY(copy_id(&c[0], r->after, e));
    facts_from_row(c, &facts);
    read_verdict(c + FACTS_ROW_WIDTH, &before);
    struct standing standing = standing_at(r, r->after);
    judge_customer(&r->judge, &facts, &standing, &before, &v);
    if (is_stale(&standing, &v)) {
        memcpy(list_add(&r->stale)->customer_id, r->after, sizeof(r->after));
    } else if (v.outcome == SWEEP_DUE) {
        v.outcome = SWEEP_CAP; /* for all but those who get a place, which is known at the end */
        add_due(r, r->after, &v);
    }
    r->rows++;
    r->sweep.decided += v.recommended != INT_ABSENT;
    r->counts[v.outcome]++;
    if (same_verdict(&v, &before))
        return OK;
    char *id = r->ids[r->changed_count];
    memcpy(id, r->after, sizeof(r->after));
    put_verdict(r->changed + r->changed_count++ * VERDICT_WIDTH, id, &v);
    return OK;
}

static enum err read_page_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    return db_each(tx, &sweep_page, DB_ARGS(db_text(r->after), db_int(PAGE_ROWS)), page_row, r, e);
}

static enum err write_page_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct run *r = arg;
    TRY(hold(tx, r, e));
    return db_exec_rows(tx, &verdicts_put, DB_ARGS(db_int(r->sweep.started_at)), r->changed,
                        VERDICT_WIDTH, r->changed_count, NULL, e);
}

static enum err sweep_all(struct run *r, struct error *e)
{
    struct db *db = r->tracker->env->db;
    do {
        r->rows = r->changed_count = 0;
        TRY(db_read(db, read_page_work, r, e));
        if (r->changed_count > 0 && !r->dry_run)
            TRY(db_write_relaxed(db, write_page_work, r, e));
        r->sweep.customers += (int64_t)r->rows;
        r->sweep.changed += (int64_t)r->changed_count;
    } while (r->rows == PAGE_ROWS);
    return OK;
}

/* -- the end ----------------------------------------------------------------------------------- */

static struct job_spec evaluation_of(const char *customer_id, struct arena *arena)
{
    return (struct job_spec){
        .worker = EVALUATION_WORKER,
        .queue = EVALUATION_QUEUE,
        .customer_id = customer_id,
        .args = arena_printf(arena, "{\"customer_id\":\"%s\"}", customer_id),
        .unique_key = arena_printf(arena, "evaluate:%s", customer_id),
    };
}

static enum err enqueue_evaluations(struct db_tx *tx, const struct run *r, struct error *e)
{
    size_t count = r->due_count + r->stale.count;
    struct job_spec *specs = arena_new_array(r->arena, count + 1, struct job_spec);
    for (size_t i = 0; i < r->due_count; i++)
        specs[i] = evaluation_of(r->due[i].customer_id, r->arena);
    for (size_t i = 0; i < r->stale.count; i++)
        specs[r->due_count + i] = evaluation_of(r->stale.items[i].customer_id, r->arena);
    return job_enqueue_many(tx, r->tracker->env, specs, count, NULL, e);
}

static const char *counts_text(const int64_t counts[SWEEP_OUTCOMES], struct arena *arena)
{
    _cleanup_json_ json_t *object = json_object();
    for (size_t i = 0; i < SWEEP_OUTCOMES; i++)
        if (counts[i] > 0)
            (void)json_object_set_new(object, sweep_outcome_names[i], json_integer(counts[i]));
    return json_text(object, arena);
}

static enum err record_end(struct db_tx *tx, const struct sweep *s, struct error *e)
{
    return db_exec(tx, &sweep_finish,
                   DB_ARGS(db_text(s->id), db_int(s->finished_at), db_int(s->took_us),
                           db_int(s->customers), db_int(s->decided), db_int(s->changed),
                           db_int(s->due), db_text(s->outcomes), db_text(s->error)),
                   NULL, e);
}

static enum err end_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    TRY(hold(tx, r, e));
    for (size_t i = 0; i < r->due_count; i++)
        put_verdict(r->changed + i * VERDICT_WIDTH, r->due[i].customer_id, &r->due[i].verdict);
    TRY(db_exec_rows(tx, &verdicts_put, DB_ARGS(db_int(r->sweep.started_at)), r->changed,
                     VERDICT_WIDTH, r->due_count, NULL, e));
    TRY(enqueue_evaluations(tx, r, e));
    TRY(record_end(tx, &r->sweep, e));
    return lease_release(tx, SWEEP_LEASE, r->holder, e);
}

static void sum_up(struct run *r)
{
    for (size_t i = 0; i < r->due_count; i++)
        r->due[i].verdict.outcome = SWEEP_DUE;
    r->counts[SWEEP_CAP] -= (int64_t)r->due_count;
    r->counts[SWEEP_DUE] += (int64_t)r->due_count;
    r->sweep.due = (int64_t)r->due_count;
    r->sweep.outcomes = counts_text(r->counts, r->arena);
    r->sweep.finished_at = env_now(r->tracker->env);
    r->sweep.took_us = r->sweep.finished_at - r->sweep.started_at;
}

/* What went wrong is told with the sweep; another that took over has told it already. */
static enum err failed_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    TRY(record_end(tx, &r->sweep, e));
    return lease_release(tx, SWEEP_LEASE, r->holder, e);
}

static void record_failure(struct run *r, const struct error *why)
{
    struct error ignored;
    sum_up(r);
    r->sweep.error = why->text;
    (void)db_write(r->tracker->env->db, failed_work, r, &ignored);
}

/* One sweep weighs everybody by the same prices. */
static enum err prices_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    return price_book_now(r->tracker->prices, tx, r->arena, &r->judge.prices, e);
}

static enum err go_through(struct run *r, struct error *e)
{
    struct db *db = r->tracker->env->db;
    TRY(db_read(db, prices_work, r, e));
    TRY(db_read(db, standings_work, r, e));
    count_moves(r);
    TRY(sweep_all(r, e));
    sum_up(r);
    return r->dry_run ? OK : db_write(db, end_work, r, e);
}

enum err sweep_run(const struct tracker *tracker, const char *requested_by, bool dry_run,
                   struct arena *arena, struct sweep *ret, struct error *e)
{
    struct run r;
    run_init(&r, tracker, requested_by, dry_run, arena);
    enum err err = dry_run ? OK : db_write(tracker->env->db, begin_work, &r, e);
    if (err == OK) {
        err = go_through(&r, e);
        if (err != OK && !dry_run)
            record_failure(&r, e);
    }
    if (err == OK)
        *ret = r.sweep;
    run_release(&r);
    return err;
}

enum err sweep_list(struct db_tx *tx, struct page page, struct arena *arena, struct records *ret,
                    const char **ret_next, struct error *e)
{
    return page_list(tx, &sweep_page_of, page, DB_NO_ARGS, sweep_fields, sizeof(struct sweep),
                     arena, ret, ret_next, e);
}

enum err sweep_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                     struct error *e)
{
    return db_exec(tx, &sweep_delete_old, DB_ARGS(db_int(before), db_int(max)), ret_deleted, e);
}

/* -- the worker -------------------------------------------------------------------------------- */

struct sweep_args {
    const char *requested_by;
};

static const struct field args_fields[] = {
    {"requested_by", FIELD_TEXT, offsetof(struct sweep_args, requested_by), .required = true},
    FIELD_END,
};

static enum job_result perform(struct job_run *run, struct error *e)
{
    const struct tracker *tracker = run->ctx;
    struct sweep_args args;
    struct sweep sweep;
    struct problems problems = {.arena = run->arena};
    record_clear(args_fields, &args);
    if (json_decode_text(args_fields, str_from(run->job->args), run->arena, &args, &problems, e) !=
        OK)
        return JOB_FAIL;
    if (sweep_run(tracker, args.requested_by, false, run->arena, &sweep, e) != OK)
        return JOB_RETRY;
    log_info("swept", LOG_INT("customers", sweep.customers), LOG_INT("changed", sweep.changed),
             LOG_INT("due", sweep.due), LOG_INT("took_us", sweep.took_us));
    return JOB_DONE;
}

struct job_worker sweep_worker(const struct tracker *tracker)
{
    return (struct job_worker){SWEEP_WORKER, SWEEP_QUEUE, perform, NULL,
                               (void *)(uintptr_t)tracker};
}

static struct job_spec spec_of(const char *requested_by, struct arena *arena)
{
    _cleanup_json_ json_t *args = json_pack("{s:s}", "requested_by", requested_by);
    return (struct job_spec){
        .worker = SWEEP_WORKER,
        .queue = SWEEP_QUEUE,
        .args = json_text(args, arena),
        .unique_key = SWEEP_LEASE,
    };
}

enum err sweep_enqueue(struct db_tx *tx, const struct env *env, const char *requested_by,
                       struct arena *arena, struct job *ret_job, struct error *e)
{
    struct job_spec spec = spec_of(requested_by, arena);
    return job_enqueue(tx, env, &spec, arena, ret_job, NULL, e);
}

struct cron sweep_cron(const struct tracker_settings *settings, struct arena *arena)
{
    int64_t us;
    BUG_ON(!duration_parse(str_from(settings->every), &us)); /* its field check read it */
    long long minutes = us / (60 * USEC_PER_SEC);
    const char *when = minutes < 60 ? arena_printf(arena, "*/%lld * * * *", minutes)
                                    : arena_printf(arena, "0 */%lld * * *", minutes / 60);
    return (struct cron){"sweep", minutes < 24 * 60 ? when : "0 0 * * *", spec_of("cron", arena)};
}

/* -- one customer ------------------------------------------------------------------------------ */

struct verdict_row {
    struct verdict verdict;
    int64_t since;
};

#define ROW(member) offsetof(struct verdict_row, member)

static const struct field verdict_fields[] = {
    {"outcome", FIELD_INT, ROW(verdict.outcome)},
    {"recommended", FIELD_INT, ROW(verdict.recommended)},
    {"confidence", FIELD_DECIMAL, ROW(verdict.confidence)},
    {"margin", FIELD_DECIMAL, ROW(verdict.margin)},
    {"saving", FIELD_DECIMAL, ROW(verdict.saving)},
    {"repeats", FIELD_INT, ROW(verdict.repeats)},
    {"required", FIELD_INT, ROW(verdict.required)},
    {"since", FIELD_TIME, ROW(since)},
    FIELD_END,
};

struct standing_row {
    int64_t kind;
    int mode;
    int64_t at;
};

static const struct field standing_fields[] = {
    {"kind", FIELD_INT, offsetof(struct standing_row, kind)},
    {"mode", FIELD_ENUM, offsetof(struct standing_row, mode), .names = mode_names},
    {"at", FIELD_TIME, offsetof(struct standing_row, at)},
    FIELD_END,
};

static enum err absent_is_fine(enum err err)
{
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err tracked_find(struct db_tx *tx, const struct tracker *tracker, const char *customer_id,
                      enum standing_kind besides, struct arena *arena, struct tracked *ret,
                      struct error *e)
{
    struct tracked t = {.standing = {STANDING_NOTHING, INT_ABSENT, INT_ABSENT}};
    struct verdict_row row = {.since = INT_ABSENT};
    struct standing_row standing = {STANDING_NOTHING, -1, INT_ABSENT};
    int64_t rejected_since =
        env_now(tracker->env) - tracker->settings->rejected_days * USEC_PER_DAY;
    TRY(facts_find(tx, customer_id, arena, &t.facts, e));
    TRY(absent_is_fine(
        db_get(tx, &verdict_of, DB_ARGS(db_text(customer_id)), verdict_fields, arena, &row, e)));
    TRY(absent_is_fine(db_get(
        tx, &standing_of, DB_ARGS(db_text(customer_id), db_int(rejected_since), db_int(besides)),
        standing_fields, arena, &standing, e)));
    t.swept = row.since != INT_ABSENT;
    t.verdict = row.verdict;
    t.since = row.since;
    t.standing = (struct standing){(enum standing_kind)standing.kind,
                                   standing.mode < 0 ? INT_ABSENT : standing.mode, standing.at};
    *ret = t;
    return OK;
}

static json_t *decimal_or_null(decimal value)
{
    return value == INT_ABSENT ? json_null() : json_decimal(value);
}

json_t *tracked_json(const struct tracked *t, const struct tracker *tracker, struct arena *arena)
{
    const struct verdict *v = &t->verdict;
    if (!t->swept)
        return json_pack("{s:n, s:s}", "outcome", "why", "no sweep has seen this customer yet");
    char since[TIME_TEXT_MAX];
    const char *why = verdict_sentence(v, &t->facts, &t->standing, tracker->settings, arena);
    const char *to = v->recommended == INT_ABSENT ? NULL : mode_names[v->recommended];
    return json_pack("{s:s, s:s, s:s, s:s?, s:b, s:o, s:o, s:o, s:I}", "outcome",
                     sweep_outcome_names[v->outcome], "why", why, "since",
                     time_text(t->since, since), "recommended", to, "required", (int)v->required,
                     "confidence", decimal_or_null(v->confidence), "margin",
                     decimal_or_null(v->margin), "monthly_saving", decimal_or_null(v->saving),
                     "repeats", (json_int_t)v->repeats);
}
