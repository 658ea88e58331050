/*
 * A policy as its file says it: private to policy.c, which compiles it.
 *
 * policy_file_read() resolves `extends` (a file's keys are laid over those of the policy it names;
 * lists are replaced whole) and checks all that can be checked, so that compiling cannot fail.
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_POLICY_FILE_H
#define WEBHOST_DOMAIN_PLACEMENT_POLICY_FILE_H

#include "domain/placement/policy.h"

struct rule_form {
    const char *when;
    decimal add;
    const char *because;
};

struct factor_form {
    struct records rules[MODE_COUNT]; /* struct rule_form */
};

struct when_form {
    const char *conditions[FACTOR_COUNT];
};

struct plan_form {
    const char *when;
    int plan; /* for single_plan() */
};

struct clause_form {
    struct when_form when;
    int mode, plan;
    const char *name;
    const char *because;
};

struct policy_form {
    const char *name, *summary, *extends;
    decimal base_score, choose_above, migrate_above;
    struct auto_approve auto_approve;
    struct factor_form factors[FACTOR_COUNT];
    struct records by_vehicle_count;                  /* struct plan_form */
    struct records floors, constraints, alternatives; /* struct clause_form */
};

/* Files name single-tenant plans only: their index counts from the one after hobby. */
static inline enum plan single_plan(int index)
{
    return (enum plan)(index + PLAN_STARTER);
}

/*
 * Texts live in `arena`. `ret_hashed` is the bytes that identify the policy. False when something
 * was added to `problems`.
 */
bool policy_file_read(struct str text, struct arena *arena, struct problems *problems,
                      struct policy_form *ret_form, struct str *ret_hashed);

#endif
