/*
 * The states of a move, as a table.
 *
 *     requested -> provisioning -> preparing -> copying -> indexing -> catching_up -> verifying
 *               -> cutting_over -> soaking -> cleaning -> completed
 *                                  soaking -> returning -> removing -> returned
 *
 * Up to `cutting_over` a move can fail or be cancelled, and everything is undone. The commit point
 * is in the tenant's two databases, not here: when the target's fence opens, the target owns the
 * tenant (mover.h). Our record follows: whoever finds that the target owns takes the edge
 * MOVE_SWITCH, also from `failing` and `cancelling`, where it means that the undoing came too late.
 * From `soaking` there are two ways: forward, or back to the source without losing a row. Once
 * `cleaning` began there is only forward.
 *
 * The tables in move_states.c are the only place that knows states and edges; docs/move-states.md
 * is made from them.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_MOVE_STATES_H
#define WEBHOST_DOMAIN_MIGRATION_MOVE_STATES_H

#include "base/buf.h"

#include <stddef.h>

enum move_state {
    MOVE_REQUESTED,
    MOVE_PROVISIONING,
    MOVE_PREPARING,
    MOVE_COPYING,
    MOVE_INDEXING,
    MOVE_CATCHING_UP,
    MOVE_VERIFYING,
    MOVE_CUTTING_OVER,
    MOVE_SOAKING,
    MOVE_CLEANING,
    MOVE_COMPLETED,
    MOVE_RETURNING,
    MOVE_REMOVING,
    MOVE_RETURNED,
    MOVE_FAILING,
    MOVE_FAILED,
    MOVE_CANCELLING,
    MOVE_CANCELLED,
    MOVE_STATES,
};

enum move_event {
    MOVE_START,       /* a worker took it up */
    MOVE_PROVISIONED, /* the target exists */
    MOVE_PREPARED,    /* both sides have what the move needs */
    MOVE_COPIED,      /* every row of one snapshot is in the target */
    MOVE_INDEXED,
    MOVE_CAUGHT_UP, /* changes since the snapshot arrive */
    MOVE_VERIFIED,  /* both sides are equal */
    MOVE_SWITCH,    /* the target owns the tenant */
    MOVE_SOAKED,    /* the soak is over */
    MOVE_CLEANED,   /* nothing is left at the source */
    MOVE_RETURN,    /* somebody wants it back at the source */
    MOVE_STAY,      /* the return could not be made */
    MOVE_RETREAT,   /* the source owns the tenant again */
    MOVE_REMOVED,   /* nothing is left at the target */
    MOVE_FAIL,
    MOVE_CANCEL,
    MOVE_UNDONE, /* the source owns, the target is gone */
    MOVE_EVENTS,
};

/* What can be done about a move in a state. */
enum move_phase {
    PHASE_UNDOABLE,   /* cancel takes everything back */
    PHASE_RETURNABLE, /* the soak: forward, or back without loss */
    PHASE_FORWARD,    /* it goes on to its end and nowhere else */
    PHASE_BACK,       /* it is being undone, or going back */
    PHASE_OVER,
};

struct move_state_row {
    enum move_state state;
    enum move_phase phase;
    const char *action; /* what a worker does in it */
    const char *undo;   /* what takes it back; NULL: nothing does */
};

struct move_edge {
    enum move_state from;
    enum move_event event;
    enum move_state to;
    const char *reason; /* what makes a move take it */
};

extern const struct move_state_row move_state_rows[MOVE_STATES]; /* in the order of the enum */
extern const struct move_edge move_edges[];
extern const size_t move_edge_count;

extern const char *const move_state_names[]; /* ends with NULL */
extern const char *const move_event_names[]; /* for sentences: "a move that is X cannot NAME" */
extern const char *const move_phase_names[]; /* ends with NULL */

/* The state that `event` leads to, or -1 when the event is refused in `from`. */
int move_next_state(enum move_state from, enum move_event event);

static inline enum move_phase move_phase_of(enum move_state state)
{
    return move_state_rows[state].phase;
}

static inline bool move_is_over(enum move_state state)
{
    return move_phase_of(state) == PHASE_OVER;
}

/* What can be done about a move in that phase, in a sentence for people. */
const char *move_phase_text(enum move_phase phase);

/* The tables as a page of Markdown with a diagram. */
void move_states_page(struct buf *out);

#endif
