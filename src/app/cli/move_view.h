/*
 * Moves as people see them: the plan of one, and where one stands.
 */
#ifndef WEBHOST_APP_CLI_MOVE_VIEW_H
#define WEBHOST_APP_CLI_MOVE_VIEW_H

#include "app/cli/cli.h"
#include "infra/json/json.h"

/* What POST /api/admin/deployment/plan answers: estimates, tables, and what is in the way. */
void move_plan_print(struct cli *cli, const json_t *plan);

/*
 * A move with its steps, tables, cutover and proof (GET /api/migrations/{id}), a line for each, and
 * last what can be done about it now. Lines are cut to the terminal.
 */
void move_print(FILE *out, const struct terminal *terminal, const json_t *move);

/* True when there is nothing to wait for: it is over, or it soaks and has been proven. */
bool move_has_arrived(const json_t *move);

/* CLI_OK when it ended as it was meant to, or soaks; CLI_ENDED_BADLY otherwise. */
enum cli_exit move_exit(const json_t *move);

/* "98 ms", "2.3 s"; "1,234,567"; "16.3 kB". In the arena. */
const char *text_of_took(int64_t us, struct arena *arena);
const char *text_of_count(int64_t count, struct arena *arena);
const char *text_of_bytes(int64_t bytes, struct arena *arena);

#endif
