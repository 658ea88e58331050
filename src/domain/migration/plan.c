#include "domain/migration/plan.h"

#include "move.sql.h"

#define OBSTACLES_SAID  5      /* in one sentence */
#define RATES_LOOKED_AT 20     /* earlier moves */
#define ROWS_PER_S      100000 /* until there are some; a cautious tenth of what copies reach */
#define STALL_MS        100    /* likewise */

/* -- the hash ---------------------------------------------------------------------------------- */

const char *move_agreement_hash(const struct move_agreement *a, char out[HASH_TEXT_MAX],
                                struct arena *arena)
{
    _cleanup_json_ json_t *regions = json_array();
    for (size_t i = 0; i < a->to->region_count; i++)
        (void)json_array_append_new(regions, json_string(geography_names[a->to->regions[i]]));
    _cleanup_json_ json_t *plan =
        json_pack("{s:s, s:s, s:s, s:s, s:O, s:s, s:I, s:s?, s:s?}", "customer_id", a->customer_id,
                  "from_mode", mode_names[a->from], "to_mode", mode_names[a->to->mode], "plan",
                  plan_names[a->to->plan], "regions", regions, "policy_sha256", a->policy_sha256,
                  "cost_usd", (json_int_t)((a->cost + DECIMAL_ONE / 2) / DECIMAL_ONE), "size_class",
                  a->size_class, "schema_sha256", a->schema_sha256);
    BUG_ON(!plan);
    return sha256_hex(str_from(json_text(plan, arena)), out);
}

static const char *size_class_of(int64_t rows)
{
    return rows < 100000      ? "small"
           : rows < 10000000  ? "medium"
           : rows < 100000000 ? "large"
                              : "huge";
}

/* -- what earlier moves tell ------------------------------------------------------------------- */

struct past_rate {
    int64_t rows, took_us;
};

static const struct field past_fields[] = {
    {"rows", FIELD_INT, offsetof(struct past_rate, rows)},
    {"took_us", FIELD_INT, offsetof(struct past_rate, took_us)},
    FIELD_END,
};

static enum err estimate(struct db_tx *tx, struct arena *arena, int64_t *ret_rows_per_s,
                         struct move_plan *plan, struct error *e)
{
    struct records past;
    int64_t stall_us, rows = 0, ms = 0;
    TRY(db_list(tx, &move_past_rates, DB_ARGS(db_int(RATES_LOOKED_AT)), past_fields,
                sizeof(struct past_rate), RATES_LOOKED_AT, arena, &past, e));
    TRY(db_get_int(tx, &move_past_stall, DB_NO_ARGS, &stall_us, e));
    const struct past_rate *rates = past.items;
    for (size_t i = 0; i < past.count; i++) {
        rows += rates[i].rows;
        ms += rates[i].took_us / USEC_PER_MS;
    }
    int64_t rate = ms > 0 ? rows * 1000 / ms : 0;
    plan->from_earlier_moves = rate > 0;
    plan->stall_ms = stall_us == INT_ABSENT ? STALL_MS : (stall_us + 999) / USEC_PER_MS;
    *ret_rows_per_s = rate > 0 ? rate : ROWS_PER_S;
    return OK;
}

/* -- making ------------------------------------------------------------------------------------ */

struct planning {
    const struct move_planner *with;
    const struct move_wish *wish;
    struct arena *arena;
    struct problems *problems;
    struct move_plan *plan;
    int64_t rows_per_s;
};

static enum err cost(struct db_tx *tx, const struct planning *p, struct error *e)
{
    const struct prices *prices;
    const struct judged_move *j = &p->plan->judged;
    TRY(price_book_now(p->with->prices, tx, p->arena, &prices, e));
    struct placement now =
        placement_in_mode(p->with->policy, &j->profile, &j->context, (enum mode)j->current.mode);
    p->plan->cost_now = cost_monthly(prices, &now, j->profile.vehicle_count);
    p->plan->cost_then = cost_monthly(prices, &j->decision.placement, j->profile.vehicle_count);
    return OK;
}

static enum err judge_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct planning *p = arg;
    p->problems->count = 0;
    enum err err =
        move_judge(tx, p->with->policy, p->wish, p->arena, p->problems, &p->plan->judged, e);
    p->plan->refusal = err == ERR_CONFLICT ? arena_text(p->arena, e->text) : NULL;
    if (err != OK)
        return err == ERR_CONFLICT ? OK : err;
    TRY(cost(tx, p, e));
    return estimate(tx, p->arena, &p->rows_per_s, p->plan, e);
}

static enum err never_stop(void *ctx, struct error *e)
{
    (void)ctx;
    (void)e;
    return OK;
}

static void say_nothing(void *ctx, const struct mover_progress *progress)
{
    (void)ctx;
    (void)progress;
}

static enum err survey(const struct planning *p, struct error *e)
{
    const struct judged_move *j = &p->plan->judged;
    const struct move_context *moves = p->with->moves;
    const struct mover *mover;
    TRY(moves->mover_for(j->current.database_url, j->current.database_url, &mover, e));
    struct mover_run run = {
        .stores = moves->provisioning->stores,
        .settings = &moves->settings->mover,
        .move_id = "",
        .customer_id = j->customer.id,
        .slug = j->customer.slug,
        .source_url = j->current.database_url,
        .source_id = j->current.id,
        .arena = p->arena,
        .go_on = never_stop,
        .note = say_nothing,
    };
    p->plan->mover = mover->name;
    return mover->survey(&run, &p->plan->survey, e);
}

static void sum_up(const struct planning *p)
{
    struct move_plan *plan = p->plan;
    const struct mover_table *tables = plan->survey.tables.items;
    for (size_t i = 0; i < plan->survey.tables.count; i++) {
        plan->rows += tables[i].rows;
        bool known = plan->bytes != INT_ABSENT && tables[i].bytes != INT_ABSENT;
        plan->bytes = known ? plan->bytes + tables[i].bytes : INT_ABSENT;
    }
    plan->size_class = size_class_of(plan->rows);
    plan->copy_s = plan->rows / p->rows_per_s;
}

enum err move_plan_make(const struct move_planner *with, const struct move_wish *wish,
                        struct arena *arena, struct problems *problems, struct move_plan *ret,
                        struct error *e)
{
    struct move_plan plan = {.needs_approval = with->moves->settings->second_person};
    struct planning p = {with, wish, arena, problems, &plan, ROWS_PER_S};
    TRY(db_read(with->env->db, judge_work, &p, e));
    if (!plan.refusal) {
        struct error looking;
        if (survey(&p, &looking) != OK)
            plan.not_surveyed = arena_text(arena, looking.text);
        else
            sum_up(&p);
        const struct judged_move *j = &plan.judged;
        struct move_agreement agreement = {
            .customer_id = j->customer.id,
            .from = (enum mode)j->current.mode,
            .to = &j->decision.placement,
            .policy_sha256 = with->policy->sha256,
            .size_class = plan.size_class,
            .schema_sha256 = plan.survey.schema_sha256,
            .cost = plan.cost_then,
        };
        (void)move_agreement_hash(&agreement, plan.hash, arena);
    }
    *ret = plan;
    return OK;
}

/* -- telling ----------------------------------------------------------------------------------- */

enum err move_name_obstacles(const struct mover_survey *found, struct arena *arena, struct error *e)
{
    const struct mover_obstacle *o = found->obstacles.items;
    size_t count = found->obstacles.count;
    const char *all = "it cannot be moved";
    for (size_t i = 0; i < count && i < OBSTACLES_SAID; i++)
        all = arena_printf(arena, "%s%s %s %s (%s)", all, i ? ";" : ":", o[i].thing, o[i].why,
                           o[i].fix);
    if (count > OBSTACLES_SAID)
        all = arena_printf(arena, "%s; and %zu more", all, count - OBSTACLES_SAID);
    return error_set(e, ERR_CONFLICT, "%s", all);
}

enum err move_plan_check(const struct move_plan *plan, struct arena *arena, struct error *e)
{
    if (plan->refusal)
        return error_set(e, ERR_CONFLICT, "%s", plan->refusal);
    if (plan->not_surveyed)
        return error_set(e, ERR_UNAVAILABLE, "the customer's database could not be looked at: %s",
                         plan->not_surveyed);
    return plan->survey.obstacles.count > 0 ? move_name_obstacles(&plan->survey, arena, e) : OK;
}

const struct field move_plan_table_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct mover_table, name), .required = true, .help = "the table"},
    {"rows", FIELD_INT, offsetof(struct mover_table, rows), .required = true,
     .help = "the customer's rows, estimated"},
    {"bytes", FIELD_INT, offsetof(struct mover_table, bytes),
     .help = "their size, where it is known"},
    {"reference", FIELD_BOOL, offsetof(struct mover_table, reference),
     .help = "whether it has no tenants: it is compared and not moved"},
    FIELD_END,
};

const struct field move_obstacle_fields[] = {
    {"thing", FIELD_TEXT, offsetof(struct mover_obstacle, thing), .required = true,
     .help = "what is in the way"},
    {"why", FIELD_TEXT, offsetof(struct mover_obstacle, why), .required = true,
     .help = "why it cannot be moved"},
    {"fix", FIELD_TEXT, offsetof(struct mover_obstacle, fix), .required = true,
     .help = "what to do about it"},
    FIELD_END,
};

/* As it is shown. */
struct shown {
    const char *customer_id, *customer;
    int from_mode, to_mode, plan;
    bool possible;
    const char *refusal, *not_surveyed;
    int recommended_mode;
    bool needs_approval;
    const char *mover;
    int64_t rows, bytes;
    const char *size_class;
    int64_t copy_s;
    bool from_earlier_moves;
    int64_t stall_ms;
    decimal cost_now, cost_then, cost_difference;
    const char *schema_sha256, *plan_hash;
};

const struct field move_plan_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct shown, customer_id), .required = true,
     .help = "who would be moved"},
    {"customer", FIELD_TEXT, offsetof(struct shown, customer), .required = true,
     .help = "its slug"},
    {"from_mode", FIELD_ENUM, offsetof(struct shown, from_mode), .names = mode_names,
     .required = true, .help = "where it lives"},
    {"to_mode", FIELD_ENUM, offsetof(struct shown, to_mode), .names = mode_names, .required = true,
     .help = "where it would go"},
    {"plan", FIELD_ENUM, offsetof(struct shown, plan), .names = plan_names,
     .help = "the size of its place there"},
    {"possible", FIELD_BOOL, offsetof(struct shown, possible),
     .help = "whether it could be asked for now"},
    {"refusal", FIELD_TEXT, offsetof(struct shown, refusal),
     .help = "why it cannot be asked for now"},
    {"not_surveyed", FIELD_TEXT, offsetof(struct shown, not_surveyed),
     .help = "why the customer's database could not be looked at"},
    {"recommended_mode", FIELD_ENUM, offsetof(struct shown, recommended_mode), .names = mode_names,
     .help = "where the policy would have it"},
    {"needs_approval", FIELD_BOOL, offsetof(struct shown, needs_approval),
     .help = "whether another person has to approve it"},
    {"mover", FIELD_TEXT, offsetof(struct shown, mover),
     .help = "what would move the rows: postgres or sqlite"},
    {"rows", FIELD_INT, offsetof(struct shown, rows), .help = "of the customer, estimated"},
    {"bytes", FIELD_INT, offsetof(struct shown, bytes), .help = "likewise, where it is known"},
    {"size_class", FIELD_TEXT, offsetof(struct shown, size_class),
     .help = "small, medium, large or huge, by rows"},
    {"copy_s", FIELD_INT, offsetof(struct shown, copy_s), .help = "how long copying would take"},
    {"from_earlier_moves", FIELD_BOOL, offsetof(struct shown, from_earlier_moves),
     .help = "whether that goes by the rates of earlier moves, or by a default"},
    {"stall_ms", FIELD_INT, offsetof(struct shown, stall_ms),
     .help = "how long the customer would not be written at the switch"},
    {"cost_now", FIELD_DECIMAL, offsetof(struct shown, cost_now),
     .help = "USD a month, where it lives"},
    {"cost_then", FIELD_DECIMAL, offsetof(struct shown, cost_then),
     .help = "USD a month, where it would go"},
    {"cost_difference", FIELD_DECIMAL, offsetof(struct shown, cost_difference),
     .help = "USD a month; negative when it saves"},
    {"schema_sha256", FIELD_TEXT, offsetof(struct shown, schema_sha256),
     .help = "of the schema that was looked at"},
    {"plan_hash", FIELD_TEXT, offsetof(struct shown, plan_hash),
     .help = "of what somebody agrees to"},
    FIELD_END,
};

static void show_estimates(const struct move_plan *p, struct shown *s)
{
    s->mover = p->mover;
    s->copy_s = p->copy_s;
    s->from_earlier_moves = p->from_earlier_moves;
    s->rows = p->rows;
    s->bytes = p->bytes;
    s->size_class = p->size_class;
    s->stall_ms = p->stall_ms;
    s->schema_sha256 = p->survey.schema_sha256;
}

static void show_change(const struct move_plan *p, struct shown *s)
{
    s->plan = (int)p->judged.decision.placement.plan;
    s->recommended_mode = (int)p->judged.recommended;
    s->cost_now = p->cost_now;
    s->cost_then = p->cost_then;
    s->cost_difference = p->cost_then - p->cost_now;
    s->plan_hash = p->hash;
}

/* What nobody looked at is an empty list. */
static json_t *list_json(const struct field *fields, struct records list, size_t size)
{
    return list.items ? json_encode_list(fields, list, size, JSON_KEEP_ABSENT) : json_array();
}

json_t *move_plan_json(const struct move_plan *p)
{
    const struct judged_move *j = &p->judged;
    struct shown s;
    record_clear(move_plan_fields, &s);
    s.customer_id = j->customer.id;
    s.customer = j->customer.slug;
    s.from_mode = j->current.mode;
    s.to_mode = (int)j->target;
    s.refusal = p->refusal;
    s.not_surveyed = p->not_surveyed;
    s.needs_approval = p->needs_approval;
    s.possible = !p->refusal && !p->not_surveyed && p->survey.obstacles.count == 0;
    if (!p->refusal)
        show_change(p, &s);
    if (!p->refusal && !p->not_surveyed)
        show_estimates(p, &s);
    json_t *out = json_encode(move_plan_fields, &s, JSON_KEEP_ABSENT);
    (void)json_object_set_new(
        out, "obstacles",
        list_json(move_obstacle_fields, p->survey.obstacles, sizeof(struct mover_obstacle)));
    (void)json_object_set_new(
        out, "tables",
        list_json(move_plan_table_fields, p->survey.tables, sizeof(struct mover_table)));
    return out;
}
