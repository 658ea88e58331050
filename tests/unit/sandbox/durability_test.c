/*
 * What a cloud remembers: its state through a restart and a kill, and one winner among many who ask
 * for the same name. Started with the path of the program that serves a sandbox alone.
 */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define ASKERS 8

static const char *sandbox_program;

static void the_state_survives_a_restart_with_its_clock_still_running(void **state)
{
    struct cloud *c = *state;
    struct seen server =
        expect(c, 201, POST, "/v1/servers",
               "{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\"}");
    expect(c, 201, POST, "/v1/apps", "{\"name\":\"a\",\"org_slug\":\"personal\"}");
    struct seen machine =
        expect(c, 200, POST, "/v1/apps/a/machines", "{\"config\":{\"image\":\"x\"}}");
    cloud_restart(c);
    const char *path = text(c, "/v1/servers/%lld", (long long)int_at(&server, "server.id"));
    struct seen seen = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&seen, "server.status"), "initializing");
    clock_virtual_advance(&c->clock, 2 * DELAY_US);
    seen = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&seen, "server.status"), "running");
    seen = expect(c, 200, GET, text(c, "/v1/apps/a/machines/%s", text_at(&machine, "id")), NULL);
    assert_string_equal(text_at(&seen, "state"), "started");
    assert_string_equal(text_at(&seen, "instance_id"), text_at(&machine, "instance_id"));
}

struct asker {
    struct cloud own;
    const char *path, *body;
    int status;
};

static void *ask_in_thread(void *arg)
{
    struct asker *a = arg;
    a->status = ask(&a->own, POST, a->path, a->body).status;
    return NULL;
}

/* Asks from many threads at once; returns how many got `status`, and checks the others' answer. */
static int ask_at_once(struct cloud *c, const char *path, const char *body, int status, int others)
{
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.own = *c, .path = path, .body = body};
        askers[i].own.client = http_client_new();
        askers[i].own.arena = (struct arena){0};
        askers[i].own.kept = json_array();
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, &askers[i]), 0);
    }
    int count = 0;
    for (int i = 0; i < ASKERS; i++) {
        (void)pthread_join(threads[i], NULL);
        count += askers[i].status == status;
        if (askers[i].status != status)
            assert_int_equal(askers[i].status, others);
        http_client_free(askers[i].own.client);
        json_decref(askers[i].own.kept);
        arena_release(&askers[i].own.arena);
    }
    return count;
}

static void one_of_many_who_ask_for_the_same_name_at_once_gets_it(void **state)
{
    struct cloud *c = *state;
    const char *server = "{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\"}";
    assert_int_equal(ask_at_once(c, "/v1/servers", server, 201, 409), 1);
    const char *app = "{\"name\":\"a\",\"org_slug\":\"personal\"}";
    assert_int_equal(ask_at_once(c, "/v1/apps", app, 201, 422), 1);
    const char *machine = "{\"name\":\"m\",\"config\":{\"image\":\"x\"}}";
    assert_int_equal(ask_at_once(c, "/v1/apps/a/machines", machine, 200, 409), 1);
    struct seen seen = expect(c, 200, GET, "/sandbox/state", NULL);
    assert_int_equal(int_at(&seen, "counts.servers"), 1);
    assert_int_equal(int_at(&seen, "counts.machines"), 1);
}

/* Starts the program on the cloud's file; returns its port when it serves. */
static unsigned spawn(const struct cloud *c, pid_t *ret_pid)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)close(out[0]);
        (void)close(out[1]);
        (void)execl(sandbox_program, sandbox_program, c->db_url, "0", "1h", (char *)NULL);
        _exit(127);
    }
    (void)close(out[1]);
    FILE *said = fdopen(out[0], "r");
    assert_non_null(said);
    unsigned port = 0;
    assert_int_equal(fscanf(said, "%u", &port), 1);
    (void)fclose(said);
    *ret_pid = pid;
    return port;
}

static void end(pid_t pid, int signal)
{
    int status;
    assert_int_equal(kill(pid, signal), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (signal == SIGTERM)
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct http_reply call_port(struct cloud *c, unsigned port, enum http_method method,
                                   const char *path, const char *body)
{
    struct http_call call = {
        .method = method,
        .url = text(c, "http://127.0.0.1:%u%s", port, path),
        .bearer = c->token,
        .body = str_from(body),
        .timeout_us = CALL_US,
    };
    struct http_reply reply = {0};
    struct error e;
    if (http_client_call(c->client, &call, &c->arena, &reply, NULL, &e) != OK)
        fail_msg("%s", e.text);
    return reply;
}

static void what_was_answered_is_still_there_after_a_kill(void **state)
{
    struct cloud *c = *state;
    sandbox_stop(c->sandbox);
    c->sandbox = NULL;
    pid_t pid;
    unsigned port = spawn(c, &pid);
    for (int i = 0; i < 20; i++) {
        const char *body = text(c, "{\"name\":\"a%d\",\"org_slug\":\"personal\"}", i);
        assert_int_equal(call_port(c, port, POST, "/v1/apps", body).status, 201);
    }
    end(pid, SIGKILL);
    port = spawn(c, &pid);
    struct http_reply reply = call_port(c, port, GET, "/v1/apps?org_slug=personal", NULL);
    assert_non_null(strstr(reply.body.ptr, "\"total_apps\":20"));
    end(pid, SIGTERM);
}

int main(int argc, char **argv)
{
    BUG_ON(argc != 2);
    sandbox_program = argv[1];
#define T(test) cmocka_unit_test_setup_teardown(test, cloud_setup, cloud_teardown)
    const struct CMUnitTest tests[] = {
        T(the_state_survives_a_restart_with_its_clock_still_running),
        T(one_of_many_who_ask_for_the_same_name_at_once_gets_it),
        T(what_was_answered_is_still_there_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
