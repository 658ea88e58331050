/*
 * A mover that moves nothing: it keeps in memory who owns the tenant, counts its calls and fails
 * where a test tells it to. For tests of the workers' course; one at a time.
 */
#ifndef WEBHOST_TESTS_MIGRATION_SCRIPT_H
#define WEBHOST_TESTS_MIGRATION_SCRIPT_H

#include "domain/migration/workers.h"

enum part {
    PART_SURVEY,
    PART_PREPARE,
    PART_COPY,
    PART_INDEX,
    PART_CATCH_UP,
    PART_VERIFY,
    PART_CUT_OVER,
    PART_OWNER,
    PART_SETTLE,
    PART_PROVE,
    PART_WATCH,
    PART_FINISH,
    PART_UNDO,
    PARTS,
};

struct script {
    enum mover_side owner;
    int calls[PARTS];
    enum part order[200]; /* owner, settle and watch left out */
    size_t order_count;
    struct {
        enum err err; /* OK: nothing fails */
        int times;    /* how many calls fail from now on */
        const char *text;
        bool done; /* the part is done all the same: its answer is lost */
    } fails[PARTS];
    void (*before)(enum part part); /* may be NULL */
    const char *obstacle;           /* NULL: there is none */
    const char *schema;
    int64_t stall_us;
    int cuts_open; /* made and not freed */
};

extern struct script script;

void script_reset(void);
mover_choice script_mover;

#endif
