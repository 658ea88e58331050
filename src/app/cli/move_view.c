#include "app/cli/move_view.h"

#include "app/cli/table.h"
#include "app/cli/views.h"

#define BAR_WIDTH  20
#define NAME_WIDTH 24

/* -- values ------------------------------------------------------------------------------------ */

const char *text_of_took(int64_t us, struct arena *arena)
{
    if (us < USEC_PER_SEC)
        return arena_printf(arena, "%lld ms", (long long)((us + 500) / USEC_PER_MS));
    if (us < 120 * USEC_PER_SEC)
        return arena_printf(arena, "%.1f s", (double)us / USEC_PER_SEC);
    return arena_printf(arena, "%lld min", (long long)(us / (60 * USEC_PER_SEC)));
}

const char *text_of_count(int64_t count, struct arena *arena)
{
    if (count < 1000)
        return arena_printf(arena, "%lld", (long long)count);
    return arena_printf(arena, "%s,%03lld", text_of_count(count / 1000, arena),
                        (long long)(count % 1000));
}

const char *text_of_bytes(int64_t bytes, struct arena *arena)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double value = (double)bytes / 1000;
    size_t unit = 0;
    if (bytes < 1000)
        return arena_printf(arena, "%lld B", (long long)bytes);
    for (; value >= 1000 && unit + 1 < ARRAY_LEN(units); unit++)
        value /= 1000;
    return arena_printf(arena, "%.1f %s", value, units[unit]);
}

static bool is(const json_t *object, const char *key, const char *text)
{
    return text_eq(json_get_text(object, key), text);
}

static bool flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* -- the plan ---------------------------------------------------------------------------------- */

static const struct column plan_columns[] = {
    {"customer", "Customer", COLUMN_TEXT},
    {"from_mode", "From", COLUMN_TEXT},
    {"to_mode", "To", COLUMN_TEXT},
    {"plan", "Plan", COLUMN_TEXT},
    {"recommended_mode", "Recommended", COLUMN_TEXT},
    {"cost_now", "USD a month now", COLUMN_MONEY},
    {"cost_then", "USD a month then", COLUMN_MONEY},
    {"mover", "Mover", COLUMN_TEXT},
    {"plan_hash", "Plan hash", COLUMN_TEXT},
    COLUMN_END,
};

static const struct column plan_table_columns[] = {
    {"name", "TABLE", COLUMN_TEXT},
    {"rows", "ROWS", COLUMN_NUMBER},
    {"bytes", "BYTES", COLUMN_NUMBER},
    COLUMN_END,
};

static void print_estimates(struct cli *cli, const json_t *plan)
{
    struct arena *a = &cli->arena;
    (void)fprintf(cli->out, "\nAbout %s rows, %s. Copying takes about %s%s; at the cutover the ",
                  text_of_count(json_get_int(plan, "rows"), a),
                  text_of_bytes(json_get_int(plan, "bytes"), a),
                  text_of_took(json_get_int(plan, "copy_s") * USEC_PER_SEC, a),
                  flag(plan, "from_earlier_moves") ? ", by earlier moves" : "");
    (void)fprintf(cli->out, "customer waits about %s.\n",
                  text_of_took(json_get_int(plan, "stall_ms") * USEC_PER_MS, a));
}

static void print_obstacles(struct cli *cli, const json_t *obstacles)
{
    size_t i;
    const json_t *o;
    json_array_foreach (obstacles, i, o) {
        put_tone(cli->out, &cli->terminal, TONE_BAD, i == 0 ? "\nIn the way:\n" : "");
        put_text(cli->out, arena_printf(&cli->arena, "%s %s", json_get_text(o, "thing"),
                                        json_get_text(o, "why")));
        (void)fputs("\n    ", cli->out);
        put_text(cli->out, json_get_text(o, "fix"));
        (void)fputc('\n', cli->out);
    }
}

void move_plan_print(struct cli *cli, const json_t *plan)
{
    const struct table t = cli_table(cli);
    const json_t *tables = json_object_get(plan, "tables");
    card_print(&t, plan_columns, plan);
    const char *refusal = json_get_text(plan, "refusal");
    const char *not_surveyed = json_get_text(plan, "not_surveyed");
    if (json_array_size(tables) > 0) {
        print_estimates(cli, plan);
        (void)fputc('\n', cli->out);
        table_print(&t, plan_table_columns, tables);
    }
    print_obstacles(cli, json_object_get(plan, "obstacles"));
    (void)fputc('\n', cli->out);
    if (flag(plan, "possible")) {
        put_tone(cli->out, &cli->terminal, TONE_GOOD,
                 flag(plan, "needs_approval") ? "Possible; somebody else has to approve it."
                                              : "Possible; it would start at once.");
        (void)fputs(" Nothing was changed.\n", cli->out);
        return;
    }
    put_tone(cli->out, &cli->terminal, TONE_BAD, "Not possible now");
    put_text(cli->out, refusal        ? arena_printf(&cli->arena, ": %s", refusal)
                       : not_surveyed ? arena_printf(&cli->arena, ": %s", not_surveyed)
                                      : ": see what is in the way");
    (void)fputs(". Nothing was changed.\n", cli->out);
}

/* -- where it stands ----------------------------------------------------------------------------
 */

struct view {
    FILE *out;
    const struct terminal *terminal;
    const json_t *move;
    struct arena *arena;
};

/* One line, cut to the terminal: who draws in place counts lines. */
static void line(const struct view *v, enum tone tone, const char *text)
{
    size_t width =
        v->terminal->is_tty && v->terminal->width > 1 ? v->terminal->width - 1 : SIZE_MAX;
    size_t len = strlen(text);
    put_tone(v->out, v->terminal, tone, len > width ? arena_text_n(v->arena, text, width) : text);
    (void)fputc('\n', v->out);
}

static void put_step(const struct view *v, const json_t *step)
{
    const char *name = json_get_text(step, "step"), *error = json_get_text(step, "error");
    int64_t took = json_get_int(step, "took_us");
    bool runs = !json_get_text(step, "finished_at");
    bool rests = text_eq(name, "soaking") && !is(v->move, "proof_state", "due");
    const char *doing = runs && !rests ? json_get_text(v->move, "doing") : NULL;
    const char *text =
        arena_printf(v->arena, "%s %-13s %8s  %s",
                     error  ? "!"
                     : runs ? ">"
                            : "-",
                     name, runs || took == INT_ABSENT ? "" : text_of_took(took, v->arena),
                     error   ? error
                     : doing ? doing
                             : "");
    line(v, error ? TONE_BAD : runs ? TONE_BUSY : TONE_FAINT, text);
}

static void put_table(const struct view *v, const json_t *table)
{
    int64_t total = json_get_int(table, "rows_total"), done = json_get_int(table, "rows_done");
    char bar[BAR_WIDTH + 1];
    if (done == INT_ABSENT)
        done = 0;
    /* The total is an estimate, and may be less than what there is. */
    int64_t of = total == INT_ABSENT || total < done ? done : total;
    int64_t filled = of > 0 ? done * BAR_WIDTH / of : BAR_WIDTH;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    line(v, TONE_PLAIN,
         arena_printf(v->arena, "    %-*.*s [%s] %3lld%%  %s rows", NAME_WIDTH, NAME_WIDTH,
                      json_get_text(table, "name"), bar,
                      (long long)(of > 0 ? done * 100 / of : 100), text_of_count(done, v->arena)));
}

static void put_flow(const struct view *v)
{
    const json_t *progress = json_object_get(v->move, "progress");
    int64_t rate = json_get_int(progress, "rows_per_second"), eta = json_get_int(progress, "eta_s");
    int64_t lag = json_get_int(v->move, "lag_bytes");
    const char *text = "";
    if (rate != INT_ABSENT && rate > 0)
        text = arena_printf(v->arena, "    %s rows/s", text_of_count(rate, v->arena));
    if (eta != INT_ABSENT && is(v->move, "state", "copying"))
        text =
            arena_printf(v->arena, "%s, %s left", text, text_of_took(eta * USEC_PER_SEC, v->arena));
    if (lag != INT_ABSENT)
        text = arena_printf(v->arena, "%s%s behind by %s", text, *text ? "," : "   ",
                            text_of_bytes(lag, v->arena));
    if (*text)
        line(v, TONE_FAINT, text);
}

static void put_proof(const struct view *v)
{
    const char *state = json_get_text(v->move, "proof_state"), *text = "", *name;
    json_t *table, *tables = json_object_get(json_object_get(v->move, "proof"), "tables");
    if (text_eq(state, "differs"))
        line(v, TONE_BAD, "Proof: the two sides differed at the cut");
    if (text_eq(state, "due"))
        line(v, TONE_BUSY, "Proof: both sides are being compared as they were at the cut");
    if (!text_eq(state, "equal"))
        return;
    json_object_foreach (tables, name, table)
        text = arena_printf(v->arena, "%s%s%s %s rows", text, *text ? ", " : "", name,
                            text_of_count(json_get_int(table, "rows"), v->arena));
    line(v, TONE_GOOD, arena_printf(v->arena, "Proof: both sides were equal at the cut: %s", text));
}

static void put_cutover(const struct view *v)
{
    int64_t stall = json_get_int(v->move, "stall_us");
    int64_t back = json_get_int(v->move, "return_stall_us");
    int64_t attempts = json_get_int(v->move, "cut_attempts");
    if (stall != INT_ABSENT)
        line(v, TONE_STRONG,
             arena_printf(v->arena, "Cutover: the customer could not write for %s",
                          text_of_took(stall, v->arena)));
    else if (attempts != INT_ABSENT && attempts > 1)
        line(v, TONE_BUSY,
             arena_printf(v->arena, "Cutover: tried %lld times, not in time; it tries again",
                          (long long)attempts));
    put_proof(v);
    if (back != INT_ABSENT)
        line(v, TONE_STRONG,
             arena_printf(v->arena, "Way back: the customer could not write for %s",
                          text_of_took(back, v->arena)));
}

/* What can still be undone, and how. */
static void put_choices(const struct view *v)
{
    static const struct {
        const char *can, *word, *effect;
    } verbs[] = {
        {"cancel", "cancel", "undo it all"},
        {"roll_back", "rollback", "take it back"},
        {"finish", "finish", "end the soak"},
        {"retry", "retry", "start again"},
    };
    const json_t *can = json_object_get(v->move, "can");
    const char *until = json_get_text(v->move, "soak_until");
    if (until && is(v->move, "state", "soaking"))
        line(v, TONE_PLAIN, arena_printf(v->arena, "It soaks until %.19sZ", until));
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (flag(can, verbs[i].can))
            line(v, TONE_PLAIN,
                 arena_printf(v->arena, " webhost migrations %-8s %s  %s", verbs[i].word,
                              json_get_text(v->move, "id"), verbs[i].effect));
    }
    if (is(v->move, "phase", "forward"))
        line(v, TONE_PLAIN, "It only goes forward now; going back is another move");
}

void move_print(FILE *out, const struct terminal *terminal, const json_t *move)
{
    _cleanup_arena_ struct arena arena = {0};
    struct view v = {out, terminal, move, &arena};
    const char *error = json_get_text(move, "error");
    const json_t *item;
    size_t i;
    line(&v, TONE_STRONG,
         arena_printf(&arena, "Move %s of %s (%s): %s -> %s, %s", json_get_text(move, "id"),
                      json_get_text(move, "customer_slug"), json_get_text(move, "customer_name"),
                      json_get_text(move, "from_mode"), json_get_text(move, "to_mode"),
                      json_get_text(move, "state")));
    json_array_foreach (json_object_get(move, "steps"), i, item) {
        put_step(&v, item);
        if (!is(item, "step", "copying"))
            continue;
        size_t n;
        const json_t *table;
        json_array_foreach (json_object_get(move, "tables"), n, table)
            put_table(&v, table);
        put_flow(&v);
    }
    put_cutover(&v);
    if (error)
        line(&v, TONE_BAD, arena_printf(&arena, "Why: %s", error));
    put_choices(&v);
}

bool move_has_arrived(const json_t *move)
{
    bool soaks = is(move, "state", "soaking") && !is(move, "proof_state", "due");
    return is(move, "phase", "over") || soaks;
}

enum cli_exit move_exit(const json_t *move)
{
    bool good = is(move, "state", "completed") || is(move, "state", "soaking");
    return good && !is(move, "proof_state", "differs") ? CLI_OK : CLI_ENDED_BADLY;
}
