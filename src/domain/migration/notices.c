#include "domain/migration/notices.h"

static const char *const kinds[MOVE_NOTICES] = {
    [NOTICE_STARTED] = "migration.started",      [NOTICE_SWITCHED] = "migration.switched",
    [NOTICE_WAITS] = "migration.waiting",        [NOTICE_WAY_LOST] = "migration.way_back_lost",
    [NOTICE_DIFFERS] = "migration.proof_failed", [NOTICE_STAYED] = "migration.not_returned",
    [NOTICE_STUCK] = "migration.stuck",          [NOTICE_FAILED] = "migration.failed",
    [NOTICE_COMPLETED] = "migration.completed",  [NOTICE_RETURNED] = "migration.returned",
};

static const enum severity severities[MOVE_NOTICES] = {
    [NOTICE_WAITS] = SEVERITY_WARNING,    [NOTICE_WAY_LOST] = SEVERITY_WARNING,
    [NOTICE_DIFFERS] = SEVERITY_CRITICAL, [NOTICE_STAYED] = SEVERITY_WARNING,
    [NOTICE_STUCK] = SEVERITY_CRITICAL,   [NOTICE_FAILED] = SEVERITY_WARNING,
};

static const char *stall_text(int64_t stall_us, struct arena *arena)
{
    if (stall_us == INT_ABSENT)
        return "for a time that is not known, the process died in it";
    return arena_printf(arena, "for %lld ms", (long long)(stall_us + 999) / USEC_PER_MS);
}

static const char *switched_text(const struct move *m, struct arena *arena)
{
    char until[TIME_TEXT_MAX];
    return arena_printf(arena,
                        "Customer %s has moved to %s; it could not be written %s. It soaks until "
                        "%s: until then POST /api/migrations/%s/roll-back takes it back without "
                        "losing a row",
                        m->customer_slug, mode_labels[m->to_mode], stall_text(m->stall_us, arena),
                        time_text(m->soak_until, until), m->id);
}

static const char *sentence(enum move_notice kind, const struct move *m, struct arena *arena)
{
    const char *slug = m->customer_slug;
    const char *why = m->error ? m->error : "no reason is known", *id = m->id;
    const char *from = mode_labels[m->from_mode], *to = mode_labels[m->to_mode];
    switch (kind) {
    case NOTICE_STARTED:
        return arena_printf(arena,
                            "The move of customer %s from %s to %s has started (migration %s); it "
                            "keeps writing meanwhile",
                            slug, from, to, id);
    case NOTICE_SWITCHED:
        return switched_text(m, arena);
    case NOTICE_WAITS:
        return arena_printf(arena,
                            "The move of customer %s finds no moment to cut over, after %lld "
                            "attempts: %s. It tries on, nothing is lost; look for long "
                            "transactions, or cancel migration %s",
                            slug, (long long)m->cut_attempts, why, id);
    case NOTICE_WAY_LOST:
        return arena_printf(arena,
                            "Customer %s has moved, and its way back is lost: %s. It works where "
                            "it is; migration %s cannot be rolled back any more",
                            slug, why, id);
    case NOTICE_DIFFERS:
        return arena_printf(arena,
                            "Customer %s has moved, and the proof found a difference: %s. Nothing "
                            "is removed by itself: roll migration %s back, or finish it if you "
                            "know why",
                            slug, why, id);
    case NOTICE_STAYED:
        return arena_printf(arena,
                            "Customer %s could not be rolled back and stays where it moved to: %s. "
                            "Migration %s goes on soaking",
                            slug, why, id);
    case NOTICE_STUCK:
        return arena_printf(arena,
                            "Migration %s of customer %s is %s and does not get on: %s. It is "
                            "tried again for as long as it takes",
                            id, slug, move_state_names[m->state], why);
    case NOTICE_FAILED:
        return arena_printf(arena,
                            "The move of customer %s from %s to %s failed and was undone: %s. The "
                            "customer is where it was; when the reason is gone, retry migration %s",
                            slug, from, to, why, id);
    case NOTICE_COMPLETED:
        return arena_printf(arena,
                            "The move of customer %s from %s to %s is completed (migration %s); "
                            "the old place is gone",
                            slug, from, to, id);
    case NOTICE_RETURNED:
        return arena_printf(arena,
                            "Customer %s is back in %s (migration %s was rolled back); it could "
                            "not be written %s",
                            slug, from, id, stall_text(m->return_stall_us, arena));
    case MOVE_NOTICES:
        break;
    }
    BUG_ON(true);
}

enum err move_tell(struct db_tx *tx, const struct env *env, const struct notify_settings *settings,
                   enum move_notice kind, const struct move *move, struct arena *arena,
                   struct error *e)
{
    _cleanup_json_ json_t *details = move_json(move);
    struct notice notice = {
        .kind = kinds[kind],
        .customer_id = move->customer_id,
        .text = sentence(kind, move, arena),
        .details = details,
        .severity = severities[kind],
    };
    return notify(tx, env, settings, &notice, arena, e);
}

enum err move_tell_state(struct db_tx *tx, const struct env *env,
                         const struct notify_settings *settings, const struct move *move,
                         struct arena *arena, struct error *e)
{
    enum move_notice kind;
    switch ((enum move_state)move->state) {
    case MOVE_PROVISIONING:
        kind = NOTICE_STARTED;
        break;
    case MOVE_FAILED:
        kind = NOTICE_FAILED;
        break;
    case MOVE_COMPLETED:
        kind = NOTICE_COMPLETED;
        break;
    case MOVE_RETURNED:
        kind = NOTICE_RETURNED;
        break;
    default:
        return OK;
    }
    return move_tell(tx, env, settings, kind, move, arena, e);
}
