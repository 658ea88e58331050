/*
 * PgBouncer: whether each can be asked, lets us administer it, pools in the right mode, and reads
 * the file that we write. Nothing is changed: the right to administer shows in how a RESUME of the
 * console itself, which is never paused, is refused.
 */
#include "app/daemon/config.h"
#include "app/daemon/doctor.h"
#include "domain/provisioning/alias_file.h"
#include "infra/pg/console.h"

#include <errno.h>
#include <unistd.h>

#define ASK_US (5 * USEC_PER_SEC)

struct pooler_look {
    struct doctor_report *report;
    const struct pgbouncer_settings *settings;
    struct pg_console *console;
    const char *check; /* "PgBouncer 1" */
    int64_t deadline_us;
};

static const char *name_of(const struct pooler_look *l, const char *what)
{
    return arena_printf(l->report->arena, "%s %s", l->check, what);
}

static enum err ask(struct pooler_look *l, const char *command, struct pg_table *ret,
                    struct error *e)
{
    return pg_console_run(l->console, command, l->deadline_us, l->report->arena, ret, e);
}

/* The cell `value` of the row whose `column` is `name`; NULL when there is none. */
static const char *cell_of(const struct pg_table *table, const char *column, const char *name,
                           const char *value)
{
    for (size_t i = 0; i < table->count; i++) {
        const char *seen = pg_table_cell(table, i, column);
        if (seen && text_eq(seen, name))
            return pg_table_cell(table, i, value);
    }
    return NULL;
}

static bool may_administer(struct pooler_look *l)
{
    struct error e = {0};
    return ask(l, "RESUME pgbouncer", NULL, &e) == ERR_CONFLICT &&
           !strstr(e.text, "admin access needed");
}

static void judge_rights(struct pooler_look *l)
{
    bool may = may_administer(l);
    doctor_add(l->report, name_of(l, "rights"), may ? FINDING_OK : FINDING_FAIL,
               may ? NULL : "name the user of admin_urls in its admin_users",
               may ? "the user may pause, reload and resume" : "the user may only look");
}

static void judge_mode(struct pooler_look *l)
{
    struct pg_table table;
    struct error e;
    if (ask(l, "SHOW CONFIG", &table, &e) != OK) {
        doctor_add(l->report, name_of(l, "mode"), FINDING_FAIL, "look at its log", "%s", e.text);
        return;
    }
    const char *mode = cell_of(&table, "key", "pool_mode", "value");
    bool right = mode && text_eq(mode, "transaction");
    doctor_add(l->report, name_of(l, "mode"), right ? FINDING_OK : FINDING_FAIL,
               right ? NULL
                     : "set pool_mode = transaction: in session mode a pause waits until clients "
                       "leave",
               "pool_mode is %s", mode ? mode : "not told");
}

/* The first alias of the file stands for all. */
static const char *first_alias(const char *content, struct arena *arena)
{
    const char *start = strstr(content, "\ntenant_");
    const char *end = start ? strstr(start, " = ") : NULL;
    return end ? arena_text_n(arena, start + 1, (size_t)(end - start) - 1) : NULL;
}

static void judge_file(struct pooler_look *l)
{
    struct pg_table table;
    struct error e;
    const char *content, *path = l->settings->databases_file;
    if (alias_file_read(path, l->report->arena, &content, &e) != OK ||
        ask(l, "SHOW DATABASES", &table, &e) != OK) {
        doctor_add(l->report, name_of(l, "file"), FINDING_FAIL, "look at its log", "%s", e.text);
        return;
    }
    const char *alias = first_alias(content, l->report->arena);
    bool knows = alias && cell_of(&table, "name", alias, "name");
    if (!alias)
        doctor_add(l->report, name_of(l, "file"), FINDING_OK, NULL,
                   "no customer is on PostgreSQL yet");
    else if (knows)
        doctor_add(l->report, name_of(l, "file"), FINDING_OK, NULL, "it knows %s from %s", alias,
                   path);
    else
        doctor_add(l->report, name_of(l, "file"), FINDING_FAIL,
                   "write %include with that path under [databases], and let it read the file",
                   "it does not know %s, which is in %s", alias, path);
}

static void examine(struct pooler_look *l, const char *url)
{
    struct pg_table table;
    struct error e;
    l->deadline_us = monotonic_us() + ASK_US;
    if (pg_console_open(url, l->deadline_us, &l->console, &e) != OK) {
        doctor_add(l->report, l->check, FINDING_FAIL,
                   "is it running, and are the url and the password right?", "%s", e.text);
        return;
    }
    const char *version = "its version is not told";
    if (ask(l, "SHOW VERSION", &table, &e) == OK && table.count > 0 && table.columns > 0)
        version = table.cells[0];
    doctor_add(l->report, l->check, FINDING_OK, NULL, "%s answers: %s",
               pg_console_place(l->console), version);
    judge_rights(l);
    judge_mode(l);
    judge_file(l);
    pg_console_close(l->console);
}

static void check_directory(const struct pgbouncer_settings *s, struct doctor_report *report)
{
    const char *slash = strrchr(s->databases_file, '/');
    const char *directory =
        arena_text_n(report->arena, s->databases_file, (size_t)(slash - s->databases_file) + 1);
    bool writable = access(directory, W_OK) == 0;
    doctor_add(report, "PgBouncer's file", writable ? FINDING_OK : FINDING_FAIL,
               writable ? NULL : "let the user that runs serve write into its directory",
               writable ? "%s can be written" : "%s cannot be written in its directory",
               s->databases_file);
}

void doctor_routing(const struct config *config, struct doctor_report *report)
{
    const struct pgbouncer_settings *s = &config->routing.pgbouncer;
    if (!s->databases_file)
        return;
    check_directory(s, report);
    for (size_t i = 0; i < s->admin_urls.count; i++) {
        struct pooler_look look = {
            .report = report,
            .settings = s,
            .check = arena_printf(report->arena, "PgBouncer %zu", i + 1),
        };
        examine(&look, s->admin_urls.items[i]);
    }
}
