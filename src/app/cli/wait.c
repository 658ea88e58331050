#include "app/cli/wait.h"

#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/table.h"

#define POLL_INTERVAL (500 * USEC_PER_MS)
#define WAIT_DEFAULT  (15 * 60 * USEC_PER_SEC)

void pause_for(int64_t duration_us)
{
    const struct timespec t = {.tv_sec = duration_us / USEC_PER_SEC,
                               .tv_nsec = duration_us % USEC_PER_SEC * 1000};
    (void)nanosleep(&t, NULL);
}

enum progress { GOING_ON, DONE, FAILED };

static bool is_one_of(const char *text, const char *const *words)
{
    return text && enum_from_text(words, str_from(text)) >= 0;
}

static enum progress progress_of(const json_t *status, const char *mode)
{
    static const char *const ended_badly[] = {"failed", "cancelled", "returned", NULL};
    const json_t *deployment = json_object_get(status, "deployment");
    const char *state = json_get_text(deployment, "status");
    bool there = !mode || text_eq(json_get_text(deployment, "mode"), mode);
    if (there && text_eq(state, "active"))
        return DONE;
    if (mode && is_one_of(json_get_text(status, "migration_status"), ended_badly))
        return FAILED;
    return there && text_eq(state, "failed") ? FAILED : GOING_ON;
}

static const char *state_text(struct cli *cli, const json_t *status, const char *mode)
{
    const json_t *deployment = json_object_get(status, "deployment");
    const char *state = json_get_text(deployment, "status");
    const char *in = json_get_text(deployment, "mode");
    const char *move = mode ? json_get_text(status, "migration_status") : NULL;
    return arena_printf(&cli->arena, "%s %s%s%s", in ? in : "no deployment", state ? state : "",
                        move ? ", move " : "", move ? move : "");
}

static enum cli_exit say_failed(struct cli *cli, const char *customer, const json_t *status)
{
    const char *error = json_get_text(json_object_get(status, "deployment"), "error");
    const char *move = json_get_text(status, "migration_status");
    if (error)
        cli_say(cli, "%s failed: %s", customer, error);
    else if (move && !text_eq(move, "none"))
        cli_say(cli, "%s: the move is %s; webhost jobs --customer %s shows why", customer, move,
                customer);
    else
        cli_say(cli, "%s failed; webhost jobs --customer %s shows why", customer, customer);
    return CLI_ENDED_BADLY;
}

static int64_t end_of_wait(const struct cli *cli)
{
    int64_t allowed = cli->globals.timeout_us;
    return clock_now(cli->clock) + (allowed == INT_ABSENT ? WAIT_DEFAULT : allowed);
}

enum cli_exit wait_for_active(struct cli *cli, const struct command *command, const char *customer,
                              const char *mode, json_t **ret_status)
{
    int64_t end = end_of_wait(cli);
    const char *path = arena_printf(&cli->arena, "/api/admin/deployment/status/%s",
                                    url_escape(customer, &cli->arena));
    const char *told = NULL;
    for (;;) {
        _cleanup_json_ json_t *status = NULL;
        enum cli_exit code = remote_get(cli, command, path, &status);
        if (code != CLI_OK)
            return code;
        const char *state = state_text(cli, status, mode);
        if (!text_eq(told, state))
            cli_note(cli, "%s: %s", customer, state);
        told = state;
        enum progress progress = progress_of(status, mode);
        if (progress == DONE) {
            *ret_status = json_incref(status);
            return CLI_OK;
        }
        if (progress == FAILED)
            return say_failed(cli, customer, status);
        if (clock_now(cli->clock) >= end) {
            cli_say(cli,
                    "%s is not done yet; it goes on without this command: see webhost status "
                    "%s",
                    customer, customer);
            return CLI_TIMEOUT;
        }
        pause_for(POLL_INTERVAL);
    }
}

enum cli_exit wait_for_job(struct cli *cli, const struct command *command, int64_t id,
                           const char *what)
{
    static const char *const ended_badly[] = {"cancelled", "discarded", NULL};
    int64_t end = end_of_wait(cli);
    const char *path = arena_printf(&cli->arena, "/api/jobs/%lld", (long long)id);
    for (;;) {
        _cleanup_json_ json_t *job = NULL;
        enum cli_exit code = remote_get(cli, command, path, &job);
        if (code != CLI_OK)
            return code;
        const char *state = json_get_text(job, "state");
        if (text_eq(state, "completed"))
            return CLI_OK;
        if (is_one_of(state, ended_badly)) {
            const char *why = json_get_text(job, "last_error");
            cli_say(cli, "%s is %s: %s", what, state, why ? why : "webhost jobs shows more");
            return CLI_ENDED_BADLY;
        }
        if (clock_now(cli->clock) >= end) {
            cli_say(cli,
                    "%s is not done yet; it goes on without this command: see webhost jobs "
                    "show %lld",
                    what, (long long)id);
            return CLI_TIMEOUT;
        }
        pause_for(POLL_INTERVAL);
    }
}
