/* What a move between SQLite files would carry, and what stands in its way. */
#ifndef WEBHOST_DOMAIN_MIGRATION_SQLITE_SURVEY_H
#define WEBHOST_DOMAIN_MIGRATION_SQLITE_SURVEY_H

#include "domain/migration/mover.h"

/* As in mover.h. */
enum err survey_source(const struct mover_run *run, struct mover_survey *ret, struct error *e);

#endif
