#include "domain/migration/postgres/watchdog.h"

#include "base/clock.h"
#include "domain/migration/postgres/settle.h"
#include "infra/json/json.h"
#include "infra/process/process.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>

#define COMMAND         "move-watchdog"
#define ROLE            "watchdog"
#define READY           "ready"
#define GUARDING        "guarding"
#define START_US        (10 * USEC_PER_SEC)
#define END_US          (2 * USEC_PER_SEC)
#define RESCUE_US       (600 * USEC_PER_SEC)
#define RESCUE_EVERY_MS 200
#define IDLE_MS         60000                 /* for the mover to begin, once it is ready */
#define HANGING_MS      (24 * 60 * 60 * 1000) /* for a mover that was late to go on or to die */
#define ORDER_MAX       ((size_t)64 << 10)
#define LINE_MAX_BYTES  ((size_t)1 << 10)

/* What the mover tells its watchdog, in one line. */
struct order {
    const char *move_id, *customer_id, *slug, *tenant_column;
    const char *source_url, *target_url;     /* with passwords */
    const char *source_place, *target_place; /* as the router knows them */
    const char *router;                      /* its `spec` */
    int64_t run;
};

static const struct field order_fields[] = {
    {"move_id", FIELD_TEXT, offsetof(struct order, move_id)},
    {"customer_id", FIELD_TEXT, offsetof(struct order, customer_id)},
    {"slug", FIELD_TEXT, offsetof(struct order, slug)},
    {"tenant_column", FIELD_TEXT, offsetof(struct order, tenant_column)},
    {"source_url", FIELD_TEXT, offsetof(struct order, source_url), .max_len = 4096},
    {"target_url", FIELD_TEXT, offsetof(struct order, target_url), .max_len = 4096},
    {"source_place", FIELD_TEXT, offsetof(struct order, source_place), .max_len = 4096},
    {"target_place", FIELD_TEXT, offsetof(struct order, target_place), .max_len = 4096},
    {"router", FIELD_TEXT, offsetof(struct order, router), .max_len = ORDER_MAX},
    {"run", FIELD_INT, offsetof(struct order, run)},
    FIELD_END,
};

/* -- the watchdog ----------------------------------------------------------------------------- */

static mover_router_make *router_make;
static bool hooked;

static enum err go_on_always(void *ctx, struct error *e)
{
    (void)ctx;
    (void)e;
    return OK;
}

enum heard { HEARD, GONE, LATE };

/* One line from the mover, unless it is gone or the time is over. */
static enum heard hear(int64_t ms, struct buf *line)
{
    int64_t until = monotonic_us() + ms * USEC_PER_MS;
    buf_reset(line);
    for (;;) {
        char c;
        int64_t left_us = until - monotonic_us();
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        if (left_us <= 0)
            return LATE;
        if (poll(&in, 1, (int)(left_us / USEC_PER_MS) + 1) <= 0)
            continue;
        if (read(STDIN_FILENO, &c, 1) != 1)
            return GONE;
        if (c == '\n')
            return HEARD;
        if (!buf_append_char(line, c))
            return GONE;
    }
}

static void say(const char *line)
{
    (void)fprintf(stdout, "%s\n", line);
    (void)fflush(stdout);
}

/* Clients are pointed to places, which only the router knows how to reach. */
struct place_router {
    struct mover_router router; /* first */
    const struct mover_router *real;
    const struct order *order;
};

static enum err place_pause(const struct mover_router *self, const char *slug, int64_t deadline_us,
                            struct error *e)
{
    const struct mover_router *real = ((const struct place_router *)self)->real;
    return real->pause(real, slug, deadline_us, e);
}

static enum err place_resume(const struct mover_router *self, const char *slug, int64_t deadline_us,
                             struct error *e)
{
    const struct mover_router *real = ((const struct place_router *)self)->real;
    return real->resume(real, slug, deadline_us, e);
}

static enum err place_point(const struct mover_router *self, const char *slug, const char *url,
                            int64_t deadline_us, struct error *e)
{
    const struct place_router *r = (const struct place_router *)self;
    const char *place =
        text_eq(url, r->order->source_url) ? r->order->source_place : r->order->target_place;
    return r->real->point(r->real, slug, place, deadline_us, e);
}

static enum err rescue_once(const struct pg_move *m, struct error *e)
{
    enum mover_side owner;
    TRY(pg_settle_lock(m, e));
    TRY(pg_settle_clients(m, &owner, e));
    return pg_settle_unlock(m, e);
}

/*
 * The sessions that were made beforehand are quick; should they be gone, new ones are. A later run,
 * which took over, does this itself.
 */
static int rescue(struct pg_move *m, const struct mover_run *run)
{
    struct error e;
    int64_t until = monotonic_us() + RESCUE_US;
    enum err err = rescue_once(m, &e);
    while (err != OK && err != ERR_CONFLICT && monotonic_us() < until) {
        (void)poll(NULL, 0, RESCUE_EVERY_MS);
        pg_move_close(m);
        err = pg_move_open_as(m, run, ROLE, &e);
        if (err == OK)
            err = rescue_once(m, &e);
    }
    return err == OK ? 0 : 1;
}

/*
 * Waits for the end of the cutover. A mover that hung may go on afterwards: its sessions are gone,
 * so it finds out and puts things right itself, and is put right once more should it die of that.
 */
static int guard(struct pg_move *m, const struct mover_run *run)
{
    _cleanup_buf_ struct buf line = BUF_INIT(LINE_MAX_BYTES);
    int64_t ms;
    if (hear(IDLE_MS, &line) != HEARD || !str_to_i64(buf_str(&line), &ms))
        return 0; /* there was no cutover */
    say(GUARDING);
    enum heard end = hear(ms, &line);
    if (end == HEARD)
        return 0;
    int status = rescue(m, run);
    return end == LATE && hear(HANGING_MS, &line) == GONE ? rescue(m, run) : status;
}

static enum err read_order(struct arena *arena, struct order *ret, struct error *e)
{
    _cleanup_buf_ struct buf line = BUF_INIT(ORDER_MAX);
    struct problems problems = {.arena = arena};
    if (hear(START_US / USEC_PER_MS, &line) != HEARD)
        return error_set(e, ERR_INVALID, "there was no order");
    record_clear(order_fields, ret);
    return json_decode_text(order_fields, buf_str(&line), arena, ret, &problems, e);
}

static enum err make_router(const struct order *order, struct arena *arena,
                            struct place_router *storage, const struct mover_router **ret,
                            struct error *e)
{
    *ret = NULL;
    if (!order->router)
        return OK;
    if (!router_make)
        return error_set(e, ERR_INVALID, "this program has no routers");
    *storage = (struct place_router){
        .router = {.pause = place_pause, .point = place_point, .resume = place_resume},
        .order = order};
    TRY(router_make(order->router, arena, &storage->real, e));
    *ret = &storage->router;
    return OK;
}

static enum err watch(int *ret_status, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct order order;
    struct place_router storage;
    TRY(read_order(&arena, &order, e));
    const struct mover_settings settings = {.tenant_column = order.tenant_column};
    struct mover_run run = {
        .settings = &settings,
        .move_id = order.move_id,
        .customer_id = order.customer_id,
        .slug = order.slug,
        .source_url = order.source_url,
        .target_url = order.target_url,
        .run = order.run,
        .go_on = go_on_always,
    };
    struct pg_move m;
    TRY(make_router(&order, &arena, &storage, &run.router, e));
    TRY(pg_move_open_as(&m, &run, ROLE, e));
    say(READY);
    *ret_status = guard(&m, &run);
    pg_move_close(&m);
    return OK;
}

/* What is meant for the mover's whole group must not end this. */
static void ignore_signals(void)
{
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        BUG_ON(sigaction(signals[i], &ignore, NULL) != 0);
}

void pg_watchdog_hook(int argc, char **argv, mover_router_make *make)
{
    struct error e;
    int status = 1;
    router_make = make;
    hooked = true;
    if (argc != 2 || strcmp(argv[1], COMMAND) != 0)
        return;
    ignore_signals();
    if (watch(&status, &e) != OK)
        say(e.text);
    exit(status);
}

/* -- the mover's side ------------------------------------------------------------------------- */

struct pg_watchdog {
    struct process process;
};

static enum err give_order(const struct pg_move *m, struct pg_watchdog *w, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const struct mover_run *run = m->run;
    const struct order order = {
        .move_id = run->move_id,
        .customer_id = run->customer_id,
        .slug = run->slug,
        .tenant_column = run->settings->tenant_column,
        .source_url = m->url[SIDE_SOURCE],
        .target_url = m->url[SIDE_TARGET],
        .source_place = run->source_url,
        .target_place = run->target_url,
        .router = run->router ? run->router->spec : NULL,
        .run = run->run,
    };
    _cleanup_json_ json_t *json = json_encode(order_fields, &order, JSON_OMIT_ABSENT);
    const char *line = arena_printf(&arena, "%s\n", json_text(json, &arena));
    return process_write(&w->process, line, strlen(line), e);
}

static enum err wait_said(struct pg_watchdog *w, const char *wanted, struct error *e)
{
    _cleanup_buf_ struct buf line = BUF_INIT(LINE_MAX_BYTES);
    enum err err = process_read_line(&w->process, monotonic_us() + START_US, &line, e);
    if (err != OK)
        return e ? error_prefix(e, "the cutover's watchdog") : err;
    if (!text_eq(buf_text(&line), wanted))
        return error_set(e, ERR_UNAVAILABLE, "the cutover's watchdog: %s", buf_text(&line));
    return OK;
}

enum err pg_watchdog_start(const struct pg_move *m, struct pg_watchdog **ret, struct error *e)
{
    const char *const argv[] = {"/proc/self/exe", COMMAND, NULL};
    if (!hooked)
        return error_set(e, ERR_INVALID,
                         "this program cannot be a cutover's watchdog: its main() does not call"
                         " pg_watchdog_hook()");
    if (m->run->router && !m->run->router->spec)
        return error_set(e, ERR_INVALID, "the router has no text to make it again from");
    struct pg_watchdog *w = calloc(1, sizeof(*w));
    BUG_ON(!w);
    enum err err = process_start(&(struct process_options){argv, NULL}, &w->process, e);
    if (err == OK)
        err = give_order(m, w, e);
    if (err == OK)
        err = wait_said(w, READY, e);
    if (err != OK) {
        (void)process_end(&w->process, 0);
        free(w);
        return err;
    }
    *ret = w;
    return OK;
}

enum err pg_watchdog_guard(struct pg_watchdog *w, int64_t for_ms, struct error *e)
{
    char line[32];
    int len = snprintf(line, sizeof(line), "%" PRId64 "\n", for_ms);
    TRY(process_write(&w->process, line, (size_t)len, e));
    return wait_said(w, GUARDING, e);
}

void pg_watchdog_dismiss(struct pg_watchdog *w)
{
    (void)process_write(&w->process, "done\n", 5, NULL);
    (void)process_end(&w->process, monotonic_us() + END_US);
    free(w);
}

void pg_watchdog_release(struct pg_watchdog *w)
{
    if (!w)
        return;
    (void)process_end(&w->process, monotonic_us() + RESCUE_US);
    free(w);
}
