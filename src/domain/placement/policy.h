/*
 * Policies: the rules of placement as data (docs/policies.md describes the file format).
 *
 * A policy is read from YAML once and never changes; any number of threads may decide by it. It is
 * kept twice: as rules and clauses with their texts, for explanations, and compiled to tables. A
 * factor's table has one cell for every range of values that no condition of the policy tells
 * apart, and the cell says all that such a value means: what it adds to both scores and by which
 * rule, and which clauses it does not stand in the way of. A decision is six look-ups.
 *
 * Its SHA-256 identifies it in every decision: that of the file, or, when it extends another, of
 * the file followed by the files it extends (`cat default.yaml plan-v1.yaml | sha256sum`).
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_POLICY_H
#define WEBHOST_DOMAIN_PLACEMENT_POLICY_H

#include "domain/placement/condition.h"

#define POLICY_FILE_MAX   ((size_t)256 << 10)
#define POLICY_HASH_MAX   65
#define RULES_MAX         8  /* for one factor and mode */
#define CLAUSES_MAX       32 /* constraints, floors, alternatives: of each */
#define STEPS_MAX         (2 * ((MODE_COUNT + 1) * RULES_MAX + 2 * CLAUSES_MAX))
#define STEPS_AT_ONCE     4
#define ATOMS_MAX         (COMPLIANCE_COUNT + 2)
#define RULE_NONE         (-1)
#define POLICY_NAME_BYTES 64

struct rule {
    struct condition condition;
    decimal add;
    const char *when;    /* as written */
    const char *because; /* for the reason; NULL: not worth a sentence */
};

struct rules {
    struct rule items[RULES_MAX];
    size_t count;
};

/* What one factor contributes to both scores. Sixteen bytes, so that it is one register. */
struct outcome {
    _Alignas(16) int32_t add[MODE_COUNT];
    int8_t rule[MODE_COUNT]; /* the index of the rule that matched; RULE_NONE */
};

/* Sets of clauses, a bit for each item. A clause holds when it is in the sets of all factors. */
struct holding {
    _Alignas(16) uint32_t constraints;
    uint32_t floors, plan_rules;
};

struct cell {
    struct outcome outcome;
    struct holding holding;
};

/* cell[n] is for values from start[n - 1] up to below start[n]; cell[0] for those below them all.
 * Filled up with INT64_MAX, which no value reaches, to a multiple of STEPS_AT_ONCE and at least
 * one.
 */
struct steps {
    size_t count;
    int64_t start[STEPS_MAX];
    uint64_t edge[STEPS_MAX]; /* the same as step_edge(): compared without a sign */
    struct cell cell[STEPS_MAX + 1];
};

/* Keeps the order. A sum of unsigned comparisons is two instructions for each, of signed four. */
static inline uint64_t step_edge(int64_t value)
{
    return (uint64_t)value ^ (UINT64_C(1) << 63);
}

/*
 * The same for compliance, whose values are sets of words. An atom is a set of words that no
 * condition tells apart; bit n of a cell's index says that a word of atom[n] is there. The index of
 * a set is put together from those of its bytes: index[b][v] is for byte b, from the lowest, being
 * v.
 */
struct word_cells {
    size_t count;
    uint32_t atom[ATOMS_MAX];
    uint32_t index[sizeof(uint32_t)][UINT8_MAX + 1];
    struct cell *cell; /* 1 << count */
};

/* Conditions on some of the factors; all must hold. */
struct conditions {
    size_t count;
    enum factor factor[FACTOR_COUNT];
    struct condition condition[FACTOR_COUNT];
};

/* `when` something holds, what follows. Which members mean something depends on the list. */
struct clause {
    struct conditions when;
    enum mode mode;      /* constraints: required; alternatives: offered */
    enum plan plan;      /* floors */
    const char *name;    /* constraints */
    const char *because; /* constraints, alternatives */
};

struct clauses {
    struct clause items[CLAUSES_MAX];
    size_t count;
};

struct auto_approve {
    struct {
        decimal confidence_above, response_ms_above, error_rate_above, cpu_above;
    } with_issues;
    struct {
        decimal confidence_above;
        int64_t days_above;
    } settled;
};

/*
 * The geographies in the order in which a plan with several regions gets them, by what a profile
 * says (how many, which): the customer's in its own order, then the others.
 */
struct region_orders {
    uint8_t order[GEOGRAPHY_COUNT + 1][GEOGRAPHY_COUNT][GEOGRAPHY_COUNT][GEOGRAPHY_COUNT]
                 [GEOGRAPHY_COUNT];
};

struct policy {
    const char *name, *summary;
    char sha256[POLICY_HASH_MAX];
    struct str text; /* the file as read */
    decimal base_score, choose_above, migrate_above;
    struct auto_approve auto_approve;
    struct steps steps[FACTOR_COUNT]; /* all but compliance */
    struct word_cells words;          /* compliance */
    struct region_orders regions;
    uint32_t floors_at[PLAN_COUNT]; /* which floors ask for this plan or a larger one */
    struct rules rules[FACTOR_COUNT][MODE_COUNT];
    struct rules plan_rules; /* by vehicle count */
    enum plan plan_of_rule[RULES_MAX];
    struct clauses floors, constraints, alternatives;
    struct arena arena;
};

/*
 * Reads a policy. Every mistake is added to `problems` with its line and key: wrong keys, types,
 * conditions and bounds, missing factors, rules that an earlier one makes unreachable. NULL when
 * there was one.
 */
struct policy *policy_parse(struct str text, struct problems *problems);
void policy_free(struct policy *p); /* NULL is fine */

/* The text of a policy in the binary; an empty text with a NULL pointer when there is none. */
struct str policy_builtin_text(const char *name);

/* A policy in the binary, parsed; NULL when there is none of that name. */
struct policy *policy_builtin(const char *name);

/* The names in the binary, ending with NULL. */
extern const char *const policy_builtin_names[];

static inline bool conditions_hold(const struct conditions *c, const struct inputs *in)
{
    bool all = true;
    for (size_t i = 0; i < c->count; i++)
        all &= condition_holds(&c->condition[i], c->factor[i], in);
    return all;
}

#endif
