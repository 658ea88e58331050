/*
 * What people are told of a move, in the transaction in which it becomes true.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_NOTICES_H
#define WEBHOST_DOMAIN_MIGRATION_NOTICES_H

#include "domain/migration/move.h"
#include "domain/notify/notify.h"

enum move_notice {
    NOTICE_STARTED,
    NOTICE_SWITCHED,
    NOTICE_WAITS, /* it finds no moment to cut over */
    NOTICE_WAY_LOST,
    NOTICE_DIFFERS, /* the proof failed */
    NOTICE_STAYED,  /* it was to be rolled back and could not */
    NOTICE_STUCK,   /* what it left cannot be removed */
    NOTICE_FAILED,
    NOTICE_COMPLETED,
    NOTICE_RETURNED,
    MOVE_NOTICES,
};

enum err move_tell(struct db_tx *tx, const struct env *env, const struct notify_settings *settings,
                   enum move_notice kind, const struct move *move, struct arena *arena,
                   struct error *e);

/* The notice that goes with a state, when there is one. */
enum err move_tell_state(struct db_tx *tx, const struct env *env,
                         const struct notify_settings *settings, const struct move *move,
                         struct arena *arena, struct error *e);

#endif
