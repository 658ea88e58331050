#include "domain/placement/policy.h"

#include "domain/placement/files.h"
#include "domain/placement/policy_file.h"
#include "infra/secrets/secret.h"

_Static_assert(POLICY_HASH_MAX == HASH_TEXT_MAX, "a policy's hash is a SHA-256 in hex");

const char *const policy_builtin_names[] = {"default", "plan-v1", NULL};

struct str policy_builtin_text(const char *name)
{
    if (enum_from_text(policy_builtin_names, str_from(name)) < 0)
        return (struct str){0};
    for (const struct embedded_file *f = placement_files; f->name; f++) {
        if (text_eq(f->name, name))
            return (struct str){f->bytes, f->len};
    }
    BUG_ON(true);
}

static struct condition compile_condition(enum factor factor, const char *when)
{
    struct condition c;
    BUG_ON(condition_parse(factor, when, &c) != NULL); /* the file's tables checked it */
    return c;
}

static void compile_rules(enum factor factor, struct records from, struct rules *to)
{
    const struct rule_form *rules = from.items;
    to->count = from.count;
    for (size_t i = 0; i < from.count; i++) {
        to->items[i] = (struct rule){
            .condition = compile_condition(factor, rules[i].when),
            .add = rules[i].add,
            .when = rules[i].when,
            .because = rules[i].because,
        };
    }
}

static struct conditions compile_when(const struct when_form *when)
{
    struct conditions c = {0};
    for (int f = 0; f < FACTOR_COUNT; f++) {
        if (when->conditions[f]) {
            c.factor[c.count] = (enum factor)f;
            c.condition[c.count++] = compile_condition((enum factor)f, when->conditions[f]);
        }
    }
    return c;
}

static void compile_clauses(struct records from, struct clauses *to)
{
    const struct clause_form *clauses = from.items;
    to->count = from.count;
    for (size_t i = 0; i < from.count; i++) {
        to->items[i] = (struct clause){
            .when = compile_when(&clauses[i].when),
            .mode = clauses[i].mode < 0 ? MULTI_TENANT : (enum mode)clauses[i].mode,
            .plan = clauses[i].plan < 0 ? PLAN_NONE : single_plan(clauses[i].plan),
            .name = clauses[i].name,
            .because = clauses[i].because,
        };
    }
}

static void compile_plans(struct records from, struct policy *p)
{
    const struct plan_form *plans = from.items;
    p->plan_rules.count = from.count;
    for (size_t i = 0; i < from.count; i++) {
        p->plan_rules.items[i] = (struct rule){
            .condition = compile_condition(FACTOR_VEHICLES, plans[i].when),
            .when = plans[i].when,
        };
        p->plan_of_rule[i] = single_plan(plans[i].plan);
    }
}

/* -- tables ----------------------------------------------------------------------------------- */

/* The condition that a clause puts on the factor; NULL: none. */
static const struct condition *clause_condition(const struct clause *clause, enum factor factor)
{
    for (size_t i = 0; i < clause->when.count; i++) {
        if (clause->when.factor[i] == factor)
            return &clause->when.condition[i];
    }
    return NULL;
}

static uint32_t clauses_holding(const struct clauses *clauses, enum factor factor,
                                const struct inputs *in)
{
    uint32_t set = 0;
    for (size_t i = 0; i < clauses->count; i++) {
        const struct condition *c = clause_condition(&clauses->items[i], factor);
        if (!c || condition_holds(c, factor, in))
            set |= UINT32_C(1) << i;
    }
    return set;
}

static uint32_t rules_holding(const struct rules *rules, enum factor factor,
                              const struct inputs *in)
{
    uint32_t set = 0;
    for (size_t i = 0; i < rules->count; i++) {
        if (condition_holds(&rules->items[i].condition, factor, in))
            set |= UINT32_C(1) << i;
    }
    return set;
}

static struct outcome outcome_at(const struct rules rules[MODE_COUNT], enum factor factor,
                                 const struct inputs *in)
{
    struct outcome o = {.rule = {RULE_NONE, RULE_NONE}};
    for (int m = 0; m < MODE_COUNT; m++) {
        uint32_t holding = rules_holding(&rules[m], factor, in);
        if (holding) {
            o.rule[m] = (int8_t)__builtin_ctz(holding);
            o.add[m] = (int32_t)rules[m].items[o.rule[m]].add;
        }
    }
    return o;
}

static struct cell cell_at(const struct policy *p, enum factor factor, const struct inputs *in)
{
    return (struct cell){
        .outcome = outcome_at(p->rules[factor], factor, in),
        .holding =
            {
                .constraints = clauses_holding(&p->constraints, factor, in),
                .floors = clauses_holding(&p->floors, factor, in),
                .plan_rules = factor == FACTOR_VEHICLES ? rules_holding(&p->plan_rules, factor, in)
                                                        : UINT32_MAX,
            },
    };
}

static void add_start(struct steps *s, int64_t start)
{
    size_t at = 0;
    while (at < s->count && s->start[at] < start)
        at++;
    if (at < s->count && s->start[at] == start)
        return;
    BUG_ON(s->count == STEPS_MAX);
    memmove(&s->start[at + 1], &s->start[at], (s->count - at) * sizeof(s->start[0]));
    s->start[at] = start;
    s->count++;
}

/* Calls `each` for every condition that the policy puts on the factor. */
static void each_condition(struct policy *p, enum factor factor,
                           void (*each)(struct policy *, enum factor, const struct condition *))
{
    const struct rules *rules[] = {&p->rules[factor][MULTI_TENANT],
                                   &p->rules[factor][SINGLE_TENANT], &p->plan_rules};
    size_t lists = factor == FACTOR_VEHICLES ? 3 : 2;
    for (size_t l = 0; l < lists; l++) {
        for (size_t i = 0; i < rules[l]->count; i++)
            each(p, factor, &rules[l]->items[i].condition);
    }
    const struct clauses *clauses[] = {&p->constraints, &p->floors};
    for (size_t l = 0; l < ARRAY_LEN(clauses); l++) {
        for (size_t i = 0; i < clauses[l]->count; i++) {
            const struct condition *c = clause_condition(&clauses[l]->items[i], factor);
            if (c)
                each(p, factor, c);
        }
    }
}

/* What holds changes only where a range begins, or one past where it ends. */
static void add_range(struct policy *p, enum factor factor, const struct condition *c)
{
    add_start(&p->steps[factor], c->low);
    if (c->high < INT64_MAX)
        add_start(&p->steps[factor], c->high + 1);
}

static void compile_steps(struct policy *p, enum factor factor)
{
    each_condition(p, factor, add_range);
    struct steps *s = &p->steps[factor];
    struct inputs in = {.words = WORD_ALWAYS};
    for (size_t i = 0; i <= s->count; i++) {
        in.values[factor] = i == 0 ? INT_ABSENT : s->start[i - 1];
        s->cell[i] = cell_at(p, factor, &in);
    }
    while (s->count == 0 || s->count % STEPS_AT_ONCE != 0)
        s->start[s->count++] = INT64_MAX;
    for (size_t i = 0; i < s->count; i++)
        s->edge[i] = step_edge(s->start[i]);
}

/* Splits each atom into the words that the condition speaks of and the others. */
static void split_atoms(struct policy *p, enum factor factor, const struct condition *c)
{
    (void)factor;
    struct word_cells *w = &p->words;
    for (size_t i = 0, count = w->count; i < count; i++) {
        uint32_t inside = w->atom[i] & c->words, outside = w->atom[i] & ~c->words;
        if (inside && outside) {
            BUG_ON(w->count == ATOMS_MAX);
            w->atom[i] = inside;
            w->atom[w->count++] = outside;
        }
    }
}

static uint32_t index_of_words(const struct word_cells *w, uint32_t words)
{
    uint32_t index = 0;
    for (size_t i = 0; i < w->count; i++)
        index |= (uint32_t)((words & w->atom[i]) != 0) << i;
    return index;
}

static void compile_words(struct policy *p)
{
    struct word_cells *w = &p->words;
    w->count = 1;
    w->atom[0] = WORDS_ANY | WORD_NONE;
    each_condition(p, FACTOR_COMPLIANCE, split_atoms);
    for (size_t b = 0; b < ARRAY_LEN(w->index); b++)
        for (uint32_t value = 0; value <= UINT8_MAX; value++)
            w->index[b][value] = index_of_words(w, value << 8 * b);
    size_t cells = (size_t)1 << w->count;
    w->cell = arena_new_array(&p->arena, cells, struct cell);
    for (size_t i = 0; i < cells; i++) {
        struct inputs in = {.words = WORD_ALWAYS};
        for (size_t a = 0; a < w->count; a++)
            in.words |= i >> a & 1 ? w->atom[a] : 0;
        w->cell[i] = cell_at(p, FACTOR_COMPLIANCE, &in);
    }
}

static void fill_order(uint8_t order[GEOGRAPHY_COUNT], const uint8_t given[GEOGRAPHY_COUNT],
                       size_t count)
{
    uint32_t seen = 0;
    size_t n = 0;
    for (size_t i = 0; i < count + GEOGRAPHY_COUNT; i++) {
        uint8_t next = i < count ? given[i] : (uint8_t)(i - count);
        if (!(seen >> next & 1))
            order[n++] = next;
        seen |= UINT32_C(1) << next;
    }
}

static void compile_regions(struct region_orders *r)
{
    _Static_assert(GEOGRAPHY_COUNT == 3, "one loop and one dimension for each");
    for (size_t n = 0; n <= GEOGRAPHY_COUNT; n++) {
        for (uint8_t a = 0; a < GEOGRAPHY_COUNT; a++)
            for (uint8_t b = 0; b < GEOGRAPHY_COUNT; b++)
                for (uint8_t c = 0; c < GEOGRAPHY_COUNT; c++)
                    fill_order(r->order[n][a][b][c], (const uint8_t[]){a, b, c}, n);
    }
}

static void compile_tables(struct policy *p)
{
    for (int f = 0; f < FACTOR_COUNT; f++) {
        if (f != FACTOR_COMPLIANCE)
            compile_steps(p, (enum factor)f);
    }
    compile_words(p);
    compile_regions(&p->regions);
    for (size_t i = 0; i < p->floors.count; i++) {
        for (int plan = PLAN_STARTER; plan <= (int)p->floors.items[i].plan; plan++)
            p->floors_at[plan] |= UINT32_C(1) << i;
    }
}

static void compile(const struct policy_form *form, struct policy *p)
{
    p->name = form->name;
    p->summary = form->summary ? form->summary : "";
    p->base_score = form->base_score;
    p->choose_above = form->choose_above;
    p->migrate_above = form->migrate_above;
    p->auto_approve = form->auto_approve;
    for (int f = 0; f < FACTOR_COUNT; f++) {
        for (int m = 0; m < MODE_COUNT; m++)
            compile_rules((enum factor)f, form->factors[f].rules[m], &p->rules[f][m]);
    }
    compile_plans(form->by_vehicle_count, p);
    compile_clauses(form->floors, &p->floors);
    compile_clauses(form->constraints, &p->constraints);
    compile_clauses(form->alternatives, &p->alternatives);
    compile_tables(p);
}

struct policy *policy_parse(struct str text, struct problems *problems)
{
    struct policy *p = calloc(1, sizeof(*p));
    BUG_ON(!p);
    struct policy_form form;
    struct str hashed;
    if (!policy_file_read(text, &p->arena, problems, &form, &hashed)) {
        policy_free(p);
        return NULL;
    }
    compile(&form, p);
    p->text = (struct str){arena_text_n(&p->arena, text.ptr, text.len), text.len};
    (void)sha256_hex(hashed, p->sha256);
    return p;
}

void policy_free(struct policy *p)
{
    if (!p)
        return;
    arena_release(&p->arena);
    free(p);
}

struct policy *policy_builtin(const char *name)
{
    struct str text = policy_builtin_text(name);
    if (!text.ptr)
        return NULL;
    _cleanup_arena_ struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct policy *p = policy_parse(text, &problems);
    BUG_ON(!p); /* a unit test parses every policy in the binary */
    return p;
}
