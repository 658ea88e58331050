#include "domain/migration/move_states.h"

#include "base/err.h"

const char *const move_state_names[] = {
    "requested",   "provisioning", "preparing",    "copying",  "indexing",
    "catching_up", "verifying",    "cutting_over", "soaking",  "cleaning",
    "completed",   "returning",    "removing",     "returned", "failing",
    "failed",      "cancelling",   "cancelled",    NULL,
};

const char *const move_event_names[] = {
    "be started",       "be provisioned",    "be prepared",
    "have been copied", "have been indexed", "have caught up",
    "be verified",      "be switched",       "end its soak",
    "be cleaned up",    "be rolled back",    "stay",
    "have returned",    "be removed",        "fail",
    "be cancelled",     "be undone",         NULL,
};

const char *const move_phase_names[] = {"undoable", "returnable", "forward", "back", "over", NULL};

const char *move_phase_text(enum move_phase phase)
{
    static const char *const texts[] = {
        [PHASE_UNDOABLE] = "nothing is decided yet: cancelling it undoes everything",
        [PHASE_RETURNABLE] = "it has switched and soaks: finish it now, or roll it back without "
                             "losing a row",
        [PHASE_FORWARD] = "it is past the point of return: it only goes forward; going back is "
                          "another move",
        [PHASE_BACK] = "it is being taken back; wait until it is over",
        [PHASE_OVER] = "it is over",
    };
    return texts[phase];
}

/* clang-format off */
const struct move_state_row move_state_rows[MOVE_STATES] = {
    {MOVE_REQUESTED, PHASE_UNDOABLE,
     "waits for a place among the moves at once; looks for obstacles", "forget it"},
    {MOVE_PROVISIONING, PHASE_UNDOABLE, "makes the target in its cloud", "remove the target"},
    {MOVE_PREPARING, PHASE_UNDOABLE, "looks again, and makes what the move needs on both sides",
     "take that away, remove the target"},
    {MOVE_COPYING, PHASE_UNDOABLE, "copies every row of one snapshot",
     "take the move's things away, remove the target"},
    {MOVE_INDEXING, PHASE_UNDOABLE, "builds indexes and keys at the target",
     "take the move's things away, remove the target"},
    {MOVE_CATCHING_UP, PHASE_UNDOABLE,
     "lets the changes since the snapshot flow, proven by a marker",
     "take the move's things away, remove the target"},
    {MOVE_VERIFYING, PHASE_UNDOABLE, "compares all rows while they change",
     "take the move's things away, remove the target"},
    {MOVE_CUTTING_OVER, PHASE_UNDOABLE,
     "holds the writers for a moment and gives the tenant to the target; "
     "the commit point is in here",
     "let the source go on, take the move's things away, remove the target"},
    {MOVE_SOAKING, PHASE_RETURNABLE,
     "proves that both were equal at the cut; changes flow back, so that the source stays current",
     "roll back: the same cutover, reversed"},
    {MOVE_CLEANING, PHASE_FORWARD, "ends the way back, removes the source", NULL},
    {MOVE_COMPLETED, PHASE_OVER, "nothing", NULL},
    {MOVE_RETURNING, PHASE_BACK, "gives the tenant back to the source", NULL},
    {MOVE_REMOVING, PHASE_BACK, "takes the move's things away, removes the target", NULL},
    {MOVE_RETURNED, PHASE_OVER, "nothing", NULL},
    {MOVE_FAILING, PHASE_BACK, "undoes what was done", NULL},
    {MOVE_FAILED, PHASE_OVER, "nothing", NULL},
    {MOVE_CANCELLING, PHASE_BACK, "undoes what was done", NULL},
    {MOVE_CANCELLED, PHASE_OVER, "nothing", NULL},
};

#define CAN_BE_UNDONE(state)                                                                       \
    {state, MOVE_FAIL, MOVE_FAILING, "an obstacle, or the attempts are used up"},                  \
    {state, MOVE_CANCEL, MOVE_CANCELLING, "somebody cancelled it"}

const struct move_edge move_edges[] = {
    {MOVE_REQUESTED, MOVE_START, MOVE_PROVISIONING, "there is a place for it, and no obstacle"},
    {MOVE_PROVISIONING, MOVE_PROVISIONED, MOVE_PREPARING, "the target exists"},
    {MOVE_PREPARING, MOVE_PREPARED, MOVE_COPYING, "both sides are ready"},
    {MOVE_COPYING, MOVE_COPIED, MOVE_INDEXING, "the snapshot is in the target"},
    {MOVE_INDEXING, MOVE_INDEXED, MOVE_CATCHING_UP, "all indexes are there"},
    {MOVE_CATCHING_UP, MOVE_CAUGHT_UP, MOVE_VERIFYING, "a marker has arrived"},
    {MOVE_VERIFYING, MOVE_VERIFIED, MOVE_CUTTING_OVER, "no row differs"},
    {MOVE_CUTTING_OVER, MOVE_SWITCH, MOVE_SOAKING, "the target owns the tenant"},
    {MOVE_SOAKING, MOVE_SOAKED, MOVE_CLEANING, "the soak is over, or somebody finished it"},
    {MOVE_CLEANING, MOVE_CLEANED, MOVE_COMPLETED, "nothing is left at the source"},

    {MOVE_SOAKING, MOVE_RETURN, MOVE_RETURNING, "somebody rolled it back"},
    {MOVE_RETURNING, MOVE_STAY, MOVE_SOAKING, "the way back is lost, or no moment was found"},
    {MOVE_RETURNING, MOVE_RETREAT, MOVE_REMOVING, "the source owns the tenant again"},
    {MOVE_REMOVING, MOVE_REMOVED, MOVE_RETURNED, "nothing is left at the target"},

    CAN_BE_UNDONE(MOVE_REQUESTED),
    CAN_BE_UNDONE(MOVE_PROVISIONING),
    CAN_BE_UNDONE(MOVE_PREPARING),
    CAN_BE_UNDONE(MOVE_COPYING),
    CAN_BE_UNDONE(MOVE_INDEXING),
    CAN_BE_UNDONE(MOVE_CATCHING_UP),
    CAN_BE_UNDONE(MOVE_VERIFYING),
    CAN_BE_UNDONE(MOVE_CUTTING_OVER),
    {MOVE_FAILING, MOVE_UNDONE, MOVE_FAILED, "nothing of it is left"},
    {MOVE_FAILING, MOVE_SWITCH, MOVE_SOAKING, "too late: the target owns the tenant already"},
    {MOVE_CANCELLING, MOVE_UNDONE, MOVE_CANCELLED, "nothing of it is left"},
    {MOVE_CANCELLING, MOVE_SWITCH, MOVE_SOAKING, "too late: the target owns the tenant already"},
};
/* clang-format on */
const size_t move_edge_count = ARRAY_LEN(move_edges);

int move_next_state(enum move_state from, enum move_event event)
{
    for (size_t i = 0; i < move_edge_count; i++) {
        if (move_edges[i].from == from && move_edges[i].event == event)
            return (int)move_edges[i].to;
    }
    return -1;
}

/* -- the page ---------------------------------------------------------------------------------- */

static void write_diagram(struct buf *out)
{
    (void)buf_append_text(out, "```mermaid\nstateDiagram-v2\n    [*] --> requested\n");
    for (size_t i = 0; i < move_edge_count; i++)
        (void)buf_printf(out, "    %s --> %s\n", move_state_names[move_edges[i].from],
                         move_state_names[move_edges[i].to]);
    for (size_t i = 0; i < MOVE_STATES; i++) {
        if (move_is_over((enum move_state)i))
            (void)buf_printf(out, "    %s --> [*]\n", move_state_names[i]);
    }
    (void)buf_append_text(out, "```\n");
}

void move_states_page(struct buf *out)
{
    (void)buf_append_text(
        out, "# The states of a move\n\n"
             "Made from the tables in `src/domain/migration/move_states.c` by `ninja move-states`; "
             "a test compares.\nWhat they mean for you is in [moves.md](moves.md).\n\n");
    write_diagram(out);
    (void)buf_append_text(out, "\n| state | what can be done | what happens in it | what takes it "
                               "back |\n|---|---|---|---|\n");
    for (size_t i = 0; i < MOVE_STATES; i++) {
        const struct move_state_row *row = &move_state_rows[i];
        (void)buf_printf(out, "| `%s` | %s | %s | %s |\n", move_state_names[i],
                         move_phase_names[row->phase], row->action, row->undo ? row->undo : "-");
    }
    (void)buf_append_text(out, "\n| from | to | when |\n|---|---|---|\n");
    for (size_t i = 0; i < move_edge_count; i++)
        (void)buf_printf(out, "| `%s` | `%s` | %s |\n", move_state_names[move_edges[i].from],
                         move_state_names[move_edges[i].to], move_edges[i].reason);
    (void)buf_append_text(out, "\n");
    for (size_t i = 0; move_phase_names[i]; i++)
        (void)buf_printf(out, "- **%s**: %s\n", move_phase_names[i],
                         move_phase_text((enum move_phase)i));
}
