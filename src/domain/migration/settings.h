/*
 * What an operator sets about moves: the part `moves:` of the configuration file.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_SETTINGS_H
#define WEBHOST_DOMAIN_MIGRATION_SETTINGS_H

#include "base/record.h"
#include "domain/migration/mover.h"

struct move_settings {
    struct mover_settings mover;
    int64_t at_once;          /* moves under way; those that wait or soak do not count */
    int64_t soak_hours;       /* how long the way back is kept; 0: not at all */
    int64_t soak_us;          /* instead of the hours when not 0; no key of the file */
    int64_t cutover_attempts; /* late cutovers after which people are told */
    bool cutover_fails;       /* and the move fails then, instead of trying on */
    bool second_person;       /* a move asked for by hand takes another person's approval */
};

extern const struct field move_settings_fields[];

struct move_settings move_settings_default(void);

static inline int64_t move_soak_us(const struct move_settings *s)
{
    return s->soak_us != 0 ? s->soak_us : s->soak_hours * USEC_PER_HOUR;
}

#endif
