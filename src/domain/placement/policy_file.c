#include "domain/placement/policy_file.h"

#include "infra/config/yaml.h"

#define CHAIN_MAX 4 /* how many files `extends` may join */

/* --- The tables: what a file may say ----------------------------------------------------- */

static const char *check_condition(enum factor factor, const char *text)
{
    struct condition c;
    return condition_parse(factor, text, &c);
}

static const char *check_amount(const char *text)
{
    return check_condition(FACTOR_BUDGET, text);
}

static const char *check_count(const char *text)
{
    return check_condition(FACTOR_VEHICLES, text);
}

static const char *check_regions(const char *text)
{
    return check_condition(FACTOR_REGIONS, text);
}

static const char *check_words(const char *text)
{
    return check_condition(FACTOR_COMPLIANCE, text);
}

static const char *check_name(const char *text)
{
    size_t allowed = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return *text && text[allowed] == '\0' ? NULL : "must be lower-case letters, digits and dashes";
}

static const char *check_sentence(const char *text)
{
    return str_is_printable(str_from(text), 200) ? NULL : "must be one line of 1 to 200 bytes";
}

static const char *check_extends(const char *text)
{
    return policy_builtin_text(text).ptr ? NULL
                                         : "must name a policy in the binary: plan-v1 or default";
}

#define RULE_FIELDS(table, check_when)                                                             \
    static const struct field table[] = {                                                          \
        {"when", FIELD_TEXT, offsetof(struct rule_form, when), .required = true,                   \
         .check = check_when},                                                                     \
        {"add", FIELD_DECIMAL, offsetof(struct rule_form, add), .required = true,                  \
         .min = -DECIMAL_ONE, .max = DECIMAL_ONE},                                                 \
        {"because", FIELD_TEXT, offsetof(struct rule_form, because), .check = check_sentence},     \
        FIELD_END,                                                                                 \
    };                                                                                             \
    static const struct field table##_by_mode[] = {                                                \
        {"multi_tenant", FIELD_OBJECTS, offsetof(struct factor_form, rules[MULTI_TENANT]),         \
         .required = true, .max = RULES_MAX, .fields = table,                                      \
         .item_size = sizeof(struct rule_form)},                                                   \
        {"single_tenant", FIELD_OBJECTS, offsetof(struct factor_form, rules[SINGLE_TENANT]),       \
         .required = true, .max = RULES_MAX, .fields = table,                                      \
         .item_size = sizeof(struct rule_form)},                                                   \
        FIELD_END,                                                                                 \
    }

RULE_FIELDS(amount_rules, check_amount);
RULE_FIELDS(count_rules, check_count);
RULE_FIELDS(region_rules, check_regions);
RULE_FIELDS(word_rules, check_words);

#define FACTOR_FIELD(name, factor, table)                                                          \
    {                                                                                              \
        name, FIELD_OBJECT, (factor) * sizeof(struct factor_form), .required = true,               \
                                                                   .fields = table##_by_mode       \
    }

static const struct field factors_fields[] = {
    FACTOR_FIELD("budget", FACTOR_BUDGET, amount_rules),
    FACTOR_FIELD("vehicle_count", FACTOR_VEHICLES, count_rules),
    FACTOR_FIELD("compliance_requirements", FACTOR_COMPLIANCE, word_rules),
    FACTOR_FIELD("latency_requirement", FACTOR_LATENCY, amount_rules),
    FACTOR_FIELD("geographic_distribution", FACTOR_REGIONS, region_rules),
    FACTOR_FIELD("peak_concurrent_users", FACTOR_PEAK_USERS, count_rules),
    FIELD_END,
};

#define WHEN_FIELD(name, factor, check_when)                                                       \
    {                                                                                              \
        name, FIELD_TEXT, offsetof(struct when_form, conditions[factor]), .check = check_when      \
    }

static const struct field when_fields[] = {
    WHEN_FIELD("budget", FACTOR_BUDGET, check_amount),
    WHEN_FIELD("vehicle_count", FACTOR_VEHICLES, check_count),
    WHEN_FIELD("compliance_requirements", FACTOR_COMPLIANCE, check_words),
    WHEN_FIELD("latency_requirement", FACTOR_LATENCY, check_amount),
    WHEN_FIELD("geographic_distribution", FACTOR_REGIONS, check_regions),
    WHEN_FIELD("peak_concurrent_users", FACTOR_PEAK_USERS, check_count),
    FIELD_END,
};

static const char *const single_plan_names[] = {"starter", "professional", "business", NULL};

static const struct field by_vehicles_fields[] = {
    {"when", FIELD_TEXT, offsetof(struct plan_form, when), .required = true, .check = check_count},
    {"plan", FIELD_ENUM, offsetof(struct plan_form, plan), .required = true,
     .names = single_plan_names},
    FIELD_END,
};

#define CLAUSE_WHEN                                                                                \
    {                                                                                              \
        "when", FIELD_OBJECT, offsetof(struct clause_form, when), .required = true,                \
                                                                  .fields = when_fields            \
    }
#define CLAUSE_BECAUSE                                                                             \
    {                                                                                              \
        "because", FIELD_TEXT, offsetof(struct clause_form, because), .required = true,            \
                                                                      .check = check_sentence      \
    }

static const struct field floor_fields[] = {
    CLAUSE_WHEN,
    {"plan", FIELD_ENUM, offsetof(struct clause_form, plan), .required = true,
     .names = single_plan_names},
    FIELD_END,
};

static const struct field constraint_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct clause_form, name), .required = true, .max_len = 64,
     .check = check_name},
    CLAUSE_WHEN,
    {"mode", FIELD_ENUM, offsetof(struct clause_form, mode), .required = true, .names = mode_names},
    CLAUSE_BECAUSE,
    FIELD_END,
};

static const struct field alternative_fields[] = {
    {"to", FIELD_ENUM, offsetof(struct clause_form, mode), .required = true, .names = mode_names},
    CLAUSE_WHEN,
    CLAUSE_BECAUSE,
    FIELD_END,
};

/* A share of one: scores, confidences, rates. */
#define SHARE .type = FIELD_DECIMAL, .required = true, .max = DECIMAL_ONE

static const struct field with_issues_fields[] = {
    {"confidence_above", SHARE,
     .offset = offsetof(struct auto_approve, with_issues.confidence_above)},
    {"response_ms_above", FIELD_DECIMAL,
     offsetof(struct auto_approve, with_issues.response_ms_above), .required = true,
     .max = PROFILE_VALUE_MAX * DECIMAL_ONE},
    {"error_rate_above", SHARE,
     .offset = offsetof(struct auto_approve, with_issues.error_rate_above)},
    {"cpu_above", SHARE, .offset = offsetof(struct auto_approve, with_issues.cpu_above)},
    FIELD_END,
};

static const struct field settled_fields[] = {
    {"confidence_above", SHARE, .offset = offsetof(struct auto_approve, settled.confidence_above)},
    {"days_above", FIELD_INT, offsetof(struct auto_approve, settled.days_above), .required = true,
     .max = 36500},
    FIELD_END,
};

static const struct field auto_approve_fields[] = {
    {"with_issues", FIELD_OBJECT, 0, .required = true, .fields = with_issues_fields},
    {"settled", FIELD_OBJECT, 0, .required = true, .fields = settled_fields},
    FIELD_END,
};

static const struct field plans_fields[] = {
    {"by_vehicle_count", FIELD_OBJECTS, offsetof(struct policy_form, by_vehicle_count),
     .required = true, .min = 1, .max = RULES_MAX, .fields = by_vehicles_fields,
     .item_size = sizeof(struct plan_form)},
    {"floors", FIELD_OBJECTS, offsetof(struct policy_form, floors), .required = true,
     .max = CLAUSES_MAX, .fields = floor_fields, .item_size = sizeof(struct clause_form)},
    FIELD_END,
};

static const struct field policy_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct policy_form, name), .required = true,
     .max_len = POLICY_NAME_BYTES, .check = check_name},
    {"extends", FIELD_TEXT, offsetof(struct policy_form, extends), .check = check_extends},
    {"summary", FIELD_TEXT, offsetof(struct policy_form, summary), .check = check_sentence},
    {"base_score", SHARE, .offset = offsetof(struct policy_form, base_score)},
    {"choose_above", SHARE, .offset = offsetof(struct policy_form, choose_above)},
    {"migrate_above", SHARE, .offset = offsetof(struct policy_form, migrate_above)},
    {"auto_approve", FIELD_OBJECT, offsetof(struct policy_form, auto_approve), .required = true,
     .fields = auto_approve_fields},
    {"factors", FIELD_OBJECT, offsetof(struct policy_form, factors), .required = true,
     .fields = factors_fields},
    {"plans", FIELD_OBJECT, 0, .required = true, .fields = plans_fields},
    {"alternatives", FIELD_OBJECTS, offsetof(struct policy_form, alternatives), .required = true,
     .max = CLAUSES_MAX, .fields = alternative_fields, .item_size = sizeof(struct clause_form)},
    {"constraints", FIELD_OBJECTS, offsetof(struct policy_form, constraints), .required = true,
     .max = CLAUSES_MAX, .fields = constraint_fields, .item_size = sizeof(struct clause_form)},
    FIELD_END,
};

/* --- `extends` ---------------------------------------------------------------------------- */

struct chain {
    struct yaml_doc *docs[CHAIN_MAX]; /* the file, what it extends, what that extends, ... */
    size_t count;
    json_t *merged;
    struct str bytes; /* of all files, one after the other */
    struct arena *arena;
};

static void chain_release(struct chain *c)
{
    json_decref(c->merged);
    for (size_t i = 0; i < c->count; i++)
        yaml_doc_free(c->docs[i]);
}

static struct yaml_doc *chain_add(struct chain *c, struct str text, struct problems *problems)
{
    struct yaml_doc *doc = yaml_parse(text, problems);
    if (!doc)
        return NULL;
    BUG_ON(c->count == CHAIN_MAX); /* only files in the binary can make it longer */
    c->docs[c->count++] = doc;
    const char *joined = arena_printf(c->arena, "%.*s%.*s", STR_ARG(c->bytes), STR_ARG(text));
    c->bytes = (struct str){joined, c->bytes.len + text.len};
    return doc;
}

/* Reads the file and all it extends, and lays each over the next. */
static bool chain_read(struct chain *c, struct str text, struct problems *problems)
{
    struct yaml_doc *doc = chain_add(c, text, problems);
    if (!doc)
        return false;
    const char *extends;
    while ((extends = json_get_text(yaml_root(doc), "extends"))) {
        /*
         * A base that does not exist is reported when the file is decoded. Until then plan-v1
         * stands in for it, or each of its keys would be reported as missing too.
         */
        struct str base = policy_builtin_text(extends);
        doc = chain_add(c, base.ptr ? base : policy_builtin_text("plan-v1"), problems);
        BUG_ON(!doc);
    }
    c->merged = json_incref(yaml_root(c->docs[c->count - 1]));
    for (size_t i = c->count - 1; i-- > 0;)
        BUG_ON(json_object_update_recursive(c->merged, yaml_root(c->docs[i])) != 0);
    return true;
}

/* --- What the tables cannot say ------------------------------------------------------------ */

struct checker {
    const struct json_source *source;
    json_t *root;
    struct arena *arena;
    struct problems *problems;
};

/* The line of list[index] in the file being checked; 0 when it stands in one that it extends. */
static size_t line_of_item(const struct checker *c, const json_t *list, size_t index)
{
    return c->source->line_of(c->source, json_array_get(list, index));
}

static void check_reachable(const struct checker *c, enum factor factor, const char *path,
                            const json_t *list, const char *const *whens, size_t count)
{
    struct condition all[RULES_MAX];
    for (size_t i = 0; i < count; i++) {
        if (!whens[i] || condition_parse(factor, whens[i], &all[i]))
            return; /* a mistake that is reported already */
        if (condition_is_covered(factor, all, i))
            problem_add(c->problems, arena_printf(c->arena, "%s[%zu].when", path, i),
                        line_of_item(c, list, i),
                        "can never match: the rules before it cover \"%s\"", whens[i]);
    }
}

static void check_factor(const struct checker *c, const struct policy_form *form,
                         enum factor factor, enum mode mode)
{
    const struct records *list = &form->factors[factor].rules[mode];
    const struct rule_form *rules = list->items;
    const char *whens[RULES_MAX];
    for (size_t i = 0; i < list->count; i++)
        whens[i] = rules[i].when;
    json_t *factors = json_object_get(c->root, "factors");
    json_t *by_mode = json_object_get(factors, factor_names[factor]);
    const char *path =
        arena_printf(c->arena, "factors.%s.%s", factor_names[factor], mode_names[mode]);
    check_reachable(c, factor, path, json_object_get(by_mode, mode_names[mode]), whens,
                    list->count);
}

static void check_plans(const struct checker *c, const struct policy_form *form)
{
    const struct plan_form *plans = form->by_vehicle_count.items;
    const char *whens[RULES_MAX];
    for (size_t i = 0; i < form->by_vehicle_count.count; i++)
        whens[i] = plans[i].when;
    json_t *list = json_object_get(json_object_get(c->root, "plans"), "by_vehicle_count");
    check_reachable(c, FACTOR_VEHICLES, "plans.by_vehicle_count", list, whens,
                    form->by_vehicle_count.count);
}

/* Read from the document, where a condition that is itself a mistake still counts as one. */
static void check_whens(const struct checker *c, const char *path, const json_t *list)
{
    size_t i;
    json_t *item, *condition;
    const char *key;
    json_array_foreach (list, i, item) {
        json_t *when = json_object_get(item, "when");
        bool says_something = !json_is_object(when);
        json_object_foreach (when, key, condition)
            says_something |= !json_is_null(condition);
        if (!says_something)
            problem_add(c->problems, arena_printf(c->arena, "%s[%zu].when", path, i),
                        line_of_item(c, list, i), "must name at least one condition");
    }
}

static void check_constraint_names(const struct checker *c, const json_t *list,
                                   struct records constraints)
{
    const struct clause_form *items = constraints.items;
    for (size_t i = 1; i < constraints.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (items[i].name && text_eq(items[i].name, items[k].name))
                problem_add(c->problems, arena_printf(c->arena, "constraints[%zu].name", i),
                            line_of_item(c, list, i), "is the name of constraints[%zu] too", k);
        }
    }
}

static void check_file(const struct checker *c, const struct policy_form *form)
{
    for (int f = 0; f < FACTOR_COUNT; f++) {
        for (int m = 0; m < MODE_COUNT; m++)
            check_factor(c, form, (enum factor)f, (enum mode)m);
    }
    check_plans(c, form);
    json_t *floors = json_object_get(json_object_get(c->root, "plans"), "floors");
    json_t *constraints = json_object_get(c->root, "constraints");
    check_whens(c, "plans.floors", floors);
    check_whens(c, "constraints", constraints);
    check_whens(c, "alternatives", json_object_get(c->root, "alternatives"));
    check_constraint_names(c, constraints, form->constraints);
}

bool policy_file_read(struct str text, struct arena *arena, struct problems *problems,
                      struct policy_form *ret_form, struct str *ret_hashed)
{
    __attribute__((cleanup(chain_release))) struct chain chain = {.arena = arena, .bytes = STR("")};
    size_t before = problems->count + problems->dropped;
    if (!chain_read(&chain, text, problems))
        return false;
    const struct json_source *source = yaml_source(chain.docs[0]);
    json_t *own = yaml_root(chain.docs[0]);
    if (chain.count > 1 && json_is_object(own) && !json_object_get(own, "name"))
        problem_add(problems, "name", 0, "is required: the name of the base is taken");

    struct policy_form form;
    record_clear(policy_fields, &form);
    (void)json_decode(policy_fields, chain.merged, "", source, arena, &form, problems);
    struct checker checker = {source, chain.merged, arena, problems};
    check_file(&checker, &form);
    if (problems->count + problems->dropped != before)
        return false;
    *ret_form = form;
    *ret_hashed = chain.bytes;
    return true;
}
