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

static struct outcome outcome_at(enum factor factor, const struct rules rules[MODE_COUNT],
                                 int64_t value)
{
    struct outcome o = {.rule = {RULE_NONE, RULE_NONE}};
    struct inputs in = {.words = WORD_ALWAYS};
    in.values[factor] = value;
    for (int m = 0; m < MODE_COUNT; m++) {
        for (size_t i = rules[m].count; i-- > 0;) { /* backwards: the first that holds stays */
            if (condition_holds(&rules[m].items[i].condition, factor, &in)) {
                o.add[m] = (int32_t)rules[m].items[i].add;
                o.rule[m] = (int8_t)i;
            }
        }
    }
    return o;
}

/* Outcomes change only where some rule's range begins, or one past where it ends. */
static void compile_steps(enum factor factor, const struct rules rules[MODE_COUNT], struct steps *s)
{
    for (int m = 0; m < MODE_COUNT; m++) {
        for (size_t i = 0; i < rules[m].count; i++) {
            const struct condition *c = &rules[m].items[i].condition;
            add_start(s, c->low);
            if (c->high < INT64_MAX)
                add_start(s, c->high + 1);
        }
    }
    s->outcome[0] = outcome_at(factor, rules, INT_ABSENT);
    for (size_t i = 0; i < s->count; i++)
        s->outcome[i + 1] = outcome_at(factor, rules, s->start[i]);
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
        if (f != FACTOR_COMPLIANCE)
            compile_steps((enum factor)f, p->rules[f], &p->steps[f]);
    }
    compile_plans(form->by_vehicle_count, p);
    compile_clauses(form->floors, &p->floors);
    compile_clauses(form->constraints, &p->constraints);
    compile_clauses(form->alternatives, &p->alternatives);
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
