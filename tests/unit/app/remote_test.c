#include "support.h"

#include "app/cli/request.h"
#include "infra/http/server.h"
#include "infra/json/json.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* -- a server that plays a script and remembers what it was asked ------------------------------ */

#define ASKED_MAX 16

struct scene {
    int status;
    const char *body;
    const char *retry_after;
    int64_t advance_us; /* how long the run's clock says this took */
};

struct asked {
    char request[512]; /* "GET /api/jobs?state=failed" */
    char body[1024];
    char authorization[128], idempotency_key[128];
};

static struct {
    struct http_server *server;
    char url[64];
    pthread_mutex_t lock; /* guards what follows; the server's threads write it */
    const struct scene *scenes;
    size_t scene_count, next;
    struct asked asked[ASKED_MAX];
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void remember(const struct http_request *r, struct asked *a)
{
    int n =
        snprintf(a->request, sizeof(a->request), "%s %s", http_method_names[r->method], r->path);
    for (size_t i = 0; i < r->query_count; i++)
        n += snprintf(a->request + n, sizeof(a->request) - (size_t)n, "%c%s=%s", i ? '&' : '?',
                      r->query[i].name, r->query[i].value);
    (void)snprintf(a->body, sizeof(a->body), "%.*s", STR_ARG(r->body));
    const char *authorization = http_header(r, "Authorization");
    const char *key = http_header(r, "Idempotency-Key");
    (void)snprintf(a->authorization, sizeof(a->authorization), "%s",
                   authorization ? authorization : "");
    (void)snprintf(a->idempotency_key, sizeof(a->idempotency_key), "%s", key ? key : "");
}

static void play(void *ctx, const struct http_request *request, struct http_response *response)
{
    (void)ctx;
    (void)pthread_mutex_lock(&fake.lock);
    assert_true(fake.next < ASKED_MAX);
    size_t last = fake.scene_count - 1;
    const struct scene *scene = &fake.scenes[fake.next < last ? fake.next : last];
    remember(request, &fake.asked[fake.next++]);
    (void)pthread_mutex_unlock(&fake.lock);
    clock_virtual_advance(&test_clock, scene->advance_us);
    response->status = scene->status;
    response->content_type = "application/json";
    if (scene->retry_after)
        http_set_header(response, "Retry-After", scene->retry_after);
    (void)buf_append_text(&response->body, scene->body);
}

static void refuse(void *ctx, const struct http_request *request, int status, const char *detail,
                   struct http_response *response)
{
    (void)ctx, (void)request, (void)status;
    (void)buf_append_text(&response->body, detail);
}

#define EVERY(pattern)                                                                             \
    {HTTP_GET, pattern, play}, {HTTP_POST, pattern, play},                                         \
    {                                                                                              \
        HTTP_DELETE, pattern, play                                                                 \
    }

static const struct http_route routes[] = {
    EVERY("/api/{a}"),
    EVERY("/api/{a}/{b}"),
    EVERY("/api/{a}/{b}/{c}"),
    EVERY("/api/{a}/{b}/{c}/{d}"),
};

static int start(void **state)
{
    const struct http_server_options options = {
        .address = "127.0.0.1",
        .threads = 1,
        .connections_max = 16,
        .idle_timeout_s = 30,
        .body_max = 1 << 20,
        .response_max = 1 << 20,
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
        .refuse = refuse,
    };
    struct error e;
    (void)clean_environment(state);
    assert_int_equal(http_server_start(&options, &fake.server, &e), OK);
    (void)snprintf(fake.url, sizeof(fake.url), "http://127.0.0.1:%u",
                   (unsigned)http_server_port(fake.server));
    return setenv("WEBHOST_SERVER", fake.url, 1);
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(fake.server);
    return unsetenv("WEBHOST_SERVER");
}

static void set_scenes(const struct scene *scenes, size_t count)
{
    fake.scenes = scenes;
    fake.scene_count = count;
    fake.next = 0;
    memset(fake.asked, 0, sizeof(fake.asked));
}

/* The scenes play in order; the last one repeats. */
#define SCENES(...)                                                                                \
    const struct scene scenes_[] = {__VA_ARGS__};                                                  \
    set_scenes(scenes_, ARRAY_LEN(scenes_))

/* -- requests ---------------------------------------------------------------------------------- */

static const char signed_up[] =
    "{\"customer\": {\"id\": \"c1\", \"slug\": \"acme\", \"name\": \"Acme\", \"plan\": \"hobby\","
    " \"status\": \"active\"},"
    " \"deployment\": {\"id\": \"d1\", \"mode\": \"multi_tenant\", \"infrastructure\": \"hetzner\","
    " \"plan\": \"hobby\", \"status\": \"provisioning\", \"regions\": [\"ash\"], \"resources\": "
    "[]},"
    " \"decision\": {\"id\": \"x1\", \"mode\": \"multi_tenant\", \"infrastructure\": \"hetzner\","
    " \"plan\": \"hobby\", \"reason\": \"because\"},"
    " \"job\": {\"id\": 7, \"worker\": \"HetznerProvisioningWorker\", \"state\": "
    "\"available\"}}";

#define SIGNUP                                                                                     \
    "signup", "--name", "Acme", "--slug", "acme", "--email", "ops@acme.example", "--plan", "hobby"

static void signup_sends_what_was_given_and_nothing_else(void **state)
{
    (void)state;
    SCENES({201, signed_up});
    _cleanup_run_ struct run r = RUN(SIGNUP, "--budget", "29.5", "--vehicles", "2", "--compliance",
                                     "soc2,gdpr", "--idempotency-key", "k1");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(fake.asked[0].request, "POST /api/signup");
    assert_string_equal(fake.asked[0].idempotency_key, "k1");
    assert_string_equal(fake.asked[0].authorization, "");
    assert_string_equal(
        fake.asked[0].body,
        "{\"name\":\"Acme\",\"slug\":\"acme\",\"email\":\"ops@acme.example\","
        "\"plan_slug\":\"hobby\",\"profile_overrides\":{\"budget\":29.5,\"vehicle_count\":2,"
        "\"compliance_requirements\":[\"soc2\",\"gdpr\"]}}");
    assert_contains(r.out, "provisioning");
    assert_contains(r.out, "multi_tenant on hetzner, plan hobby");
    assert_contains(r.out, "HetznerProvisioningWorker");
}

static void options_go_over_the_profile_of_a_file(void **state)
{
    (void)state;
    SCENES({201, signed_up});
    char *path = file_with("{\"budget\": 10, \"vehicle_count\": 7}");
    char at[128];
    (void)snprintf(at, sizeof(at), "@%s", path);
    _cleanup_run_ struct run r = RUN(SIGNUP, "--profile", at, "--vehicles", "2");
    assert_int_equal(r.code, CLI_OK);
    assert_contains(fake.asked[0].body,
                    "\"profile_overrides\":{\"budget\":10,\"vehicle_count\":2}");
    file_remove(path);
    _cleanup_run_ struct run wrong = RUN(SIGNUP, "--profile", "[]");
    assert_int_equal(wrong.code, CLI_USAGE);
    assert_contains(wrong.err, "--profile must be a JSON object");
}

static void the_token_comes_from_the_environment_or_a_private_file(void **state)
{
    (void)state;
    SCENES({200, "{\"plans\": []}"});
    assert_int_equal(setenv("WEBHOST_TOKEN", "wh_env", 1), 0);
    _cleanup_run_ struct run env = RUN("plans");
    assert_int_equal(env.code, CLI_OK);
    assert_string_equal(fake.asked[0].authorization, "Bearer wh_env");

    char *path = file_with("wh_file\n");
    _cleanup_run_ struct run file = RUN("plans", "--token-file", path);
    assert_int_equal(file.code, CLI_OK);
    assert_string_equal(fake.asked[1].authorization, "Bearer wh_file");
    assert_int_equal(chmod(path, 0644), 0);
    _cleanup_run_ struct run open = RUN("plans", "--token-file", path);
    assert_int_not_equal(open.code, CLI_OK);
    assert_contains(open.err, path);
    assert_lacks(open.err, "wh_file");
    assert_int_equal(fake.next, 2);
    file_remove(path);
    assert_int_equal(unsetenv("WEBHOST_TOKEN"), 0);
}

static void names_are_escaped_in_the_path_and_the_query(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    assert_string_equal(url_escape("a b/c?d&e=\xc3\xa9~-._", &arena),
                        "a%20b%2Fc%3Fd%26e%3D%C3%A9~-._");
    SCENES({200, "{\"jobs\": [], \"next_cursor\": null}"});
    _cleanup_run_ struct run r = RUN("jobs", "--customer", "a&b", "--queue", "x y");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(fake.asked[0].request, "GET /api/jobs?queue=x y&customer=a&b&limit=50");
}

/* -- lists ------------------------------------------------------------------------------------- */

#define PAGE(slug, next)                                                                           \
    "{\"customers\": [{\"slug\": \"" slug "\", \"name\": \"N\", \"status\": \"active\"}], "        \
    "\"next_cursor\": " next "}"

static void a_list_stops_after_its_limit_and_says_that_there_is_more(void **state)
{
    (void)state;
    SCENES({200, PAGE("one", "\"c1\"")}, {200, PAGE("two", "\"c2\"")});
    _cleanup_run_ struct run r = RUN("customers", "--mode", "single_tenant", "--limit", "2");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(fake.asked[0].request, "GET /api/customers?mode=single_tenant&limit=2");
    assert_string_equal(fake.asked[1].request,
                        "GET /api/customers?mode=single_tenant&limit=1&cursor=c1");
    assert_int_equal(fake.next, 2);
    assert_contains(r.out, "CUSTOMER");
    assert_contains(r.out, "\none ");
    assert_contains(r.out, "\ntwo ");
    assert_contains(r.err, "There are more: --all");
}

static void all_follows_the_cursor_to_the_end(void **state)
{
    (void)state;
    SCENES({200, PAGE("one", "\"c1\"")}, {200, PAGE("two", "\"c2\"")},
           {200, PAGE("three", "null")});
    _cleanup_run_ struct run r = RUN("customers", "list", "--all", "-o", "json");
    assert_int_equal(r.code, CLI_OK);
    assert_int_equal(fake.next, 3);
    assert_string_equal(fake.asked[0].request, "GET /api/customers?limit=200");
    assert_string_equal(r.err, "");
    _cleanup_json_ json_t *d = NULL;
    assert_int_equal(json_parse(str_from(r.out), &d, NULL), OK);
    assert_int_equal(json_array_size(json_object_get(d, "customers")), 3);
    assert_true(json_is_null(json_object_get(d, "next_cursor")));
}

static void an_empty_list_says_so_on_standard_error(void **state)
{
    (void)state;
    SCENES({200, "{\"hosts\": [], \"next_cursor\": null}"});
    _cleanup_run_ struct run r = RUN("hosts");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(r.out, "");
    assert_string_equal(r.err, "No hosts.\n");
}

/* -- one thing --------------------------------------------------------------------------------- */

static void a_recorded_decision_is_explained_as_one_made_here(void **state)
{
    (void)state;
    _cleanup_run_ struct run json =
        RUN("decide", "--budget", "30", "--vehicles", "9", "-o", "json");
    _cleanup_run_ struct run here = RUN("decide", "--budget", "30", "--vehicles", "9");
    SCENES({200, json.out});
    _cleanup_run_ struct run there = RUN("decisions", "show", "d1");
    assert_string_equal(fake.asked[0].request, "GET /api/decisions/d1");
    assert_string_equal(there.out, here.out);
}

static void a_job_is_shown_with_the_error_of_each_attempt(void **state)
{
    (void)state;
    SCENES({200, "{\"id\": 7, \"state\": \"retryable\", \"args\": {\"a\": 1}, \"errors\": "
                 "[{\"attempt\": 1, \"at\": \"2026-11-23T11:00:00Z\", \"error\": \"no room\"}]}"});
    _cleanup_run_ struct run r = RUN("jobs", "show", "7");
    assert_contains(r.out, "7\n");
    assert_contains(r.out, "retryable");
    assert_contains(r.out, "{\"a\":1}");
    assert_contains(r.out, "1h ago");
    assert_contains(r.out, "no room");
}

static void evaluate_says_whether_a_move_is_due(void **state)
{
    (void)state;
    SCENES({200, "{\"customer_id\": \"c1\", \"current_deployment\": {\"mode\": \"multi_tenant\"}, "
                 "\"recommended\": {\"mode\": \"single_tenant\", \"infrastructure\": \"flyio\", "
                 "\"plan\": \"starter\", \"reason\": \"grown\"}, \"migration_due\": true}"});
    _cleanup_run_ struct run r = RUN("evaluate", "acme", "--vehicles", "40");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(fake.asked[0].body, "{\"customer_id\":\"acme\",\"vehicle_count\":40}");
    assert_contains(r.out, "single_tenant on flyio, plan starter");
    assert_contains(r.out, "multi_tenant; a move is due\n");
}

static void only_the_token_itself_goes_to_standard_output(void **state)
{
    (void)state;
    SCENES({201, "{\"id\": \"t1\", \"token\": \"wh_secret\", \"name\": \"ci\"}"});
    _cleanup_run_ struct run r = RUN("token", "create", "--name", "ci", "--role", "viewer");
    assert_string_equal(fake.asked[0].body, "{\"name\":\"ci\",\"role\":\"viewer\"}");
    assert_string_equal(r.out, "wh_secret\n");
    assert_contains(r.err, "only time");
}

static void actions_say_what_they_did(void **state)
{
    (void)state;
    SCENES({200, "{\"id\": 7}"});
    _cleanup_run_ struct run retry = RUN("jobs", "retry", "7"), cancel = RUN("jobs", "cancel", "7"),
                             revoke = RUN("token", "revoke", "t1");
    assert_string_equal(retry.out, "7 is queued again\n");
    assert_string_equal(cancel.out, "7 is cancelled\n");
    assert_string_equal(revoke.out, "t1 is revoked\n");
    assert_string_equal(fake.asked[0].request, "POST /api/jobs/7/retry");
    assert_string_equal(fake.asked[1].request, "POST /api/jobs/7/cancel");
    assert_string_equal(fake.asked[2].request, "DELETE /api/tokens/t1");
}

static void jobs_are_filtered_by_worker_and_their_numbers_are_printed(void **state)
{
    (void)state;
    SCENES({200, "{\"jobs\": [{\"id\": 12345678901, \"state\": \"available\"}], "
                 "\"next_cursor\": null}"});
    _cleanup_run_ struct run r = RUN("jobs", "--worker", "W");
    assert_string_equal(fake.asked[0].request, "GET /api/jobs?worker=W&limit=50");
    assert_contains(r.out, "12345678901");
}

static void a_page_of_jobs_goes_on_after_the_number_of_its_cursor(void **state)
{
    (void)state;
    SCENES({200, "{\"jobs\": [{\"id\": 9}], \"next_cursor\": \"9\"}"},
           {200, "{\"jobs\": [{\"id\": 8}], \"next_cursor\": null}"});
    _cleanup_run_ struct run r = RUN("jobs", "--all");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(fake.asked[1].request, "GET /api/jobs?limit=200&cursor=9");
}

static void many_jobs_are_retried_until_no_more_are_left(void **state)
{
    (void)state;
    SCENES({200, "{\"retried\": 10000, \"more\": true, \"next_below\": 77}"},
           {200, "{\"retried\": 2, \"more\": false}"});
    _cleanup_run_ struct run r = RUN("jobs", "retry", "--state", "discarded", "--queue", "q",
                                     "--worker", "W", "--customer", "acme");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(r.out, "10002 jobs are queued again\n");
    for (int i = 0; i < 2; i++)
        assert_string_equal(fake.asked[i].request, "POST /api/jobs/retry");
    assert_string_equal(fake.asked[0].body, "{\"state\":\"discarded\",\"queue\":\"q\","
                                            "\"worker\":\"W\",\"customer\":\"acme\"}");
    assert_string_equal(fake.asked[1].body,
                        "{\"state\":\"discarded\",\"queue\":\"q\",\"worker\":\"W\","
                        "\"customer\":\"acme\",\"below\":77}");
    assert_int_equal(fake.next, 2);
}

static void retried_jobs_are_counted_in_json_too(void **state)
{
    (void)state;
    SCENES({200, "{\"retried\": 1, \"more\": false}"});
    _cleanup_run_ struct run json = RUN("jobs", "retry", "--state", "retryable", "-o", "json");
    assert_string_equal(json.out, "{\n  \"retried\": 1\n}\n");
}

static void a_failure_between_says_how_many_were_retried(void **state)
{
    (void)state;
    SCENES({200, "{\"retried\": 10000, \"more\": true, \"next_below\": 77}"},
           {404, "{\"detail\": \"gone\"}"});
    _cleanup_run_ struct run r = RUN("jobs", "retry", "--state", "discarded");
    assert_int_equal(r.code, CLI_NOT_FOUND);
    assert_string_equal(r.out, "");
    assert_contains(r.err, "10000 jobs were queued again before that");
}

static void retry_takes_a_job_or_a_state(void **state)
{
    (void)state;
    SCENES({200, "{}"});
    _cleanup_run_ struct run none = RUN("jobs", "retry");
    _cleanup_run_ struct run both = RUN("jobs", "retry", "7", "--state", "discarded");
    _cleanup_run_ struct run part = RUN("jobs", "retry", "--queue", "q");
    _cleanup_run_ struct run wrong = RUN("jobs", "retry", "--state", "completed");
    assert_int_equal(none.code, CLI_USAGE);
    assert_int_equal(both.code, CLI_USAGE);
    assert_int_equal(part.code, CLI_USAGE);
    assert_int_equal(wrong.code, CLI_USAGE);
    assert_int_equal(fake.next, 0);
}

static void queues_are_listed_with_their_depth_and_times(void **state)
{
    (void)state;
    SCENES({200, "{\"queues\": [{\"name\": \"migration\", \"paused\": true, \"node_limit\": 4,"
                 " \"available\": 11, \"scheduled\": 12, \"executing\": 13, \"retryable\": 14,"
                 " \"oldest_at\": \"2026-11-23T11:00:00Z\", \"this_node\": {\"wait\": "
                 "{\"p50_ms\": 3.14159}, \"run\": {\"p50_ms\": 2100.0}}},"
                 " {\"name\": \"idle\", \"paused\": false, \"oldest_at\": null, \"this_node\": "
                 "{\"wait\": {\"p50_ms\": null}, \"run\": {\"p50_ms\": null}}}], "
                 "\"next_cursor\": null}"});
    _cleanup_run_ struct run r = RUN("queues");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(fake.asked[0].request, "GET /api/queues");
    static const char *const shown[] = {
        "NAME",   "PAUSED",   "LIMIT",   "AVAILABLE", "SCHEDULED", "EXECUTING", "RETRYABLE",
        "OLDEST", "WAIT P50", "RUN P50", "yes",       "11",        "12",        "13",
        "14",     "1h ago",   "3.1ms",   "2.1s",      "no"};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        assert_contains(r.out, shown[i]);
}

static void a_queue_is_paused_resumed_and_scaled(void **state)
{
    (void)state;
    SCENES({200, "{\"name\": \"q\"}"});
    _cleanup_run_ struct run pause = RUN("queues", "pause", "q"),
                             resume = RUN("queues", "resume", "q"),
                             scale = RUN("queues", "scale", "q", "--limit", "8"),
                             unset = RUN("queues", "scale", "q", "--default");
    assert_string_equal(pause.out, "q is paused\n");
    assert_string_equal(resume.out, "q is resumed\n");
    assert_contains(scale.out, "q runs at most 8 jobs");
    assert_contains(unset.out, "configuration");
    assert_string_equal(fake.asked[0].request, "POST /api/queues/q/pause");
    assert_string_equal(fake.asked[1].request, "POST /api/queues/q/resume");
    assert_string_equal(fake.asked[2].request, "POST /api/queues/q/scale");
    assert_string_equal(fake.asked[2].body, "{\"node_limit\":8}");
    assert_string_equal(fake.asked[3].body, "{\"node_limit\":null}");
    _cleanup_run_ struct run none = RUN("queues", "scale", "q"),
                             both = RUN("queues", "scale", "q", "--limit", "1", "--default"),
                             zero = RUN("queues", "scale", "q", "--limit", "0");
    assert_int_equal(none.code, CLI_USAGE);
    assert_int_equal(both.code, CLI_USAGE);
    assert_int_equal(zero.code, CLI_USAGE);
    assert_int_equal(fake.next, 4);
}

static void text_from_the_server_cannot_drive_the_terminal(void **state)
{
    (void)state;
    SCENES({200, "{\"id\": \"j\\u001b[2J1\", \"state\": \"a\\u009bb\", \"errors\": []}"},
           {404, "{\"detail\": \"no \\u001b]0;x\\u0007\"}"});
    _cleanup_run_ struct run card = RUN("jobs", "show", "x"), error = RUN("jobs", "show", "x");
    assert_lacks(card.out, "\033");
    assert_lacks(card.out, "\xc2\x9b");
    assert_contains(error.err, "no \\x1b]0;x\\x07");
}

/* -- failures ---------------------------------------------------------------------------------- */

static void refused_fields_are_told_as_the_options_that_set_them(void **state)
{
    (void)state;
    SCENES({422, "{\"status\": 422, \"detail\": \"3 fields are wrong\", \"errors\": ["
                 "{\"field\": \"plan_slug\", \"detail\": \"must be hobby or starter\"},"
                 "{\"field\": \"profile_overrides.compliance_requirements[1]\", \"detail\": \"is "
                 "unknown\"},"
                 "{\"field\": \"elsewhere\", \"detail\": \"is odd\"}]}"});
    _cleanup_run_ struct run r = RUN(SIGNUP);
    assert_int_equal(r.code, CLI_USAGE);
    assert_string_equal(r.out, "");
    assert_string_equal(r.err, "webhost: --plan must be hobby or starter\n"
                               "webhost: --compliance is unknown\n"
                               "webhost: elsewhere is odd\n");
}

static void a_refused_argument_is_told_by_its_name(void **state)
{
    (void)state;
    SCENES({422, "{\"errors\": [{\"field\": \"customer_id\", \"detail\": \"is odd\"}]}"});
    _cleanup_run_ struct run r = RUN("evaluate", "acme");
    assert_string_equal(r.err, "webhost: CUSTOMER is odd\n");
}

static void each_status_has_its_exit_code(void **state)
{
    (void)state;
    static const struct {
        struct scene scene;
        int code;
        const char *says;
    } cases[] = {
        {{400, "{\"detail\": \"malformed\"}"}, CLI_USAGE, "webhost: malformed\n"},
        {{401, "{\"detail\": \"no token\"}"}, CLI_DENIED, "set WEBHOST_TOKEN or give --token-file"},
        {{403, "{\"detail\": \"viewers may not\"}"}, CLI_DENIED, "webhost: viewers may not\n"},
        {{404, "{\"detail\": \"there is no customer acme\"}"}, CLI_NOT_FOUND, "no customer acme"},
        {{409, "{\"detail\": \"it is there already\"}"}, CLI_CONFLICT, "there already"},
        {{503, "{\"detail\": \"the database is away\"}", "7"},
         CLI_UNREACHABLE,
         "; try again in 7 s"},
        {{500, "{\"title\": \"Internal Server Error\"}"}, CLI_FAILED, "Internal Server Error"},
        {{502, "<html>"}, CLI_UNREACHABLE, "answered 502 Bad Gateway"},
        {{200, "<html>"}, CLI_FAILED, "is it a webhost server?"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set_scenes(&cases[i].scene, 1);
        _cleanup_run_ struct run r = RUN("status", "acme");
        assert_int_equal(r.code, cases[i].code);
        assert_string_equal(r.out, "");
        assert_contains(r.err, cases[i].says);
    }
}

/* A port where nobody listens, or (listening) where nobody ever answers. */
static int deaf_socket(bool listening, char url[64])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_true(!listening || listen(fd, 4) == 0);
    (void)snprintf(url, 64, "http://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    return fd;
}

static void a_server_that_is_not_there_is_named_with_what_to_do(void **state)
{
    (void)state;
    char url[64];
    int fd = deaf_socket(false, url);
    _cleanup_run_ struct run r = RUN("--server", url, "customers");
    assert_int_equal(r.code, CLI_UNREACHABLE);
    assert_contains(r.err, url);
    assert_contains(r.err, "is \"webhost serve\" running");
    assert_int_equal(close(fd), 0);
    _cleanup_run_ struct run odd = RUN("--server", "127.0.0.1:4000", "customers");
    assert_int_equal(odd.code, CLI_USAGE);
    assert_contains(odd.err, "--server must begin with http:// or https://");
}

static void no_answer_in_time_is_a_timeout_whose_effect_is_unknown(void **state)
{
    (void)state;
    char url[64];
    int fd = deaf_socket(true, url);
    _cleanup_run_ struct run get = RUN("--server", url, "customers", "--timeout", "50ms");
    assert_int_equal(get.code, CLI_TIMEOUT);
    _cleanup_run_ struct run post = RUN("--server", url, SIGNUP, "--timeout", "50ms");
    assert_int_equal(post.code, CLI_TIMEOUT);
    assert_contains(post.err, "it may have been done; look before you try again");
    _cleanup_run_ struct run keyed =
        RUN("--server", url, SIGNUP, "--timeout", "50ms", "--idempotency-key", "k");
    assert_contains(keyed.err, "the same --idempotency-key makes it safe");
    assert_int_equal(close(fd), 0);
}

/* -- waiting ----------------------------------------------------------------------------------- */

#define STATUS(mode, status, more)                                                                 \
    "{\"deployment\": {\"mode\": \"" mode "\", \"status\": \"" status "\"" more "}}"

static void wait_ends_when_the_customer_is_active(void **state)
{
    (void)state;
    SCENES({201, signed_up}, {200, STATUS("multi_tenant", "provisioning", "")},
           {200, STATUS("multi_tenant", "active", "")});
    _cleanup_run_ struct run r = RUN(SIGNUP, "--wait");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(fake.asked[1].request, "GET /api/admin/deployment/status/acme");
    assert_string_equal(r.err, "acme: multi_tenant provisioning\nacme: multi_tenant active\n");
}

static void wait_fails_when_the_deployment_does(void **state)
{
    (void)state;
    SCENES({201, signed_up}, {200, STATUS("multi_tenant", "failed", ", \"error\": \"no room\"")});
    _cleanup_run_ struct run r = RUN(SIGNUP, "--wait");
    assert_int_equal(r.code, CLI_ENDED_BADLY);
    assert_contains(r.err, "webhost: acme failed: no room\n");
}

static void wait_is_bounded_by_the_timeout(void **state)
{
    (void)state;
    SCENES({201, signed_up},
           {200, STATUS("multi_tenant", "provisioning", ""), .advance_us = 61 * USEC_PER_SEC});
    _cleanup_run_ struct run r = RUN(SIGNUP, "--wait", "--timeout", "60s");
    assert_int_equal(r.code, CLI_TIMEOUT);
    assert_contains(r.err, "acme is not done yet; it goes on");
}

static void a_move_is_done_when_the_customer_is_active_in_the_other_mode(void **state)
{
    (void)state;
    SCENES(
        {202, "{\"status\": \"success\", \"message\": \"Moving acme\", \"migration_id\": \"m\"}"},
        {200, STATUS("multi_tenant", "active", "")}, {200, STATUS("single_tenant", "active", "")});
    _cleanup_run_ struct run r = RUN("migrate", "acme", "--to", "single_tenant", "--wait");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(fake.asked[0].body,
                        "{\"customer_id\":\"acme\",\"target_mode\":\"single_tenant\"}");
    assert_string_equal(r.out, "Moving acme\n");
    assert_int_equal(fake.next, 3);
}

static void a_move_that_was_rolled_back_is_a_failure(void **state)
{
    (void)state;
    SCENES({202, "{}"},
           {200, "{\"deployment\": {\"mode\": \"multi_tenant\", \"status\": \"active\"}, "
                 "\"migration_status\": \"returned\"}"});
    _cleanup_run_ struct run r = RUN("migrate", "acme", "--to", "single_tenant", "--wait");
    assert_int_equal(r.code, CLI_ENDED_BADLY);
    assert_contains(r.err, "the move is returned");
}

static void watch_prints_only_what_changed(void **state)
{
    (void)state;
    SCENES({200, STATUS("multi_tenant", "provisioning", "")},
           {200, STATUS("multi_tenant", "provisioning", ""), .advance_us = 61 * USEC_PER_SEC});
    _cleanup_run_ struct run r = RUN("status", "acme", "--watch", "--timeout", "60s");
    assert_int_equal(r.code, CLI_OK);
    assert_int_equal(fake.next, 2);
    const char *first = strstr(r.out, "provisioning");
    assert_non_null(first);
    assert_null(strstr(first + 1, "provisioning"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signup_sends_what_was_given_and_nothing_else),
        cmocka_unit_test(options_go_over_the_profile_of_a_file),
        cmocka_unit_test(the_token_comes_from_the_environment_or_a_private_file),
        cmocka_unit_test(names_are_escaped_in_the_path_and_the_query),
        cmocka_unit_test(a_list_stops_after_its_limit_and_says_that_there_is_more),
        cmocka_unit_test(all_follows_the_cursor_to_the_end),
        cmocka_unit_test(an_empty_list_says_so_on_standard_error),
        cmocka_unit_test(a_recorded_decision_is_explained_as_one_made_here),
        cmocka_unit_test(a_job_is_shown_with_the_error_of_each_attempt),
        cmocka_unit_test(evaluate_says_whether_a_move_is_due),
        cmocka_unit_test(only_the_token_itself_goes_to_standard_output),
        cmocka_unit_test(actions_say_what_they_did),
        cmocka_unit_test(jobs_are_filtered_by_worker_and_their_numbers_are_printed),
        cmocka_unit_test(a_page_of_jobs_goes_on_after_the_number_of_its_cursor),
        cmocka_unit_test(many_jobs_are_retried_until_no_more_are_left),
        cmocka_unit_test(retried_jobs_are_counted_in_json_too),
        cmocka_unit_test(a_failure_between_says_how_many_were_retried),
        cmocka_unit_test(retry_takes_a_job_or_a_state),
        cmocka_unit_test(queues_are_listed_with_their_depth_and_times),
        cmocka_unit_test(a_queue_is_paused_resumed_and_scaled),
        cmocka_unit_test(text_from_the_server_cannot_drive_the_terminal),
        cmocka_unit_test(refused_fields_are_told_as_the_options_that_set_them),
        cmocka_unit_test(a_refused_argument_is_told_by_its_name),
        cmocka_unit_test(each_status_has_its_exit_code),
        cmocka_unit_test(a_server_that_is_not_there_is_named_with_what_to_do),
        cmocka_unit_test(no_answer_in_time_is_a_timeout_whose_effect_is_unknown),
        cmocka_unit_test(wait_ends_when_the_customer_is_active),
        cmocka_unit_test(wait_fails_when_the_deployment_does),
        cmocka_unit_test(wait_is_bounded_by_the_timeout),
        cmocka_unit_test(a_move_is_done_when_the_customer_is_active_in_the_other_mode),
        cmocka_unit_test(a_move_that_was_rolled_back_is_a_failure),
        cmocka_unit_test(watch_prints_only_what_changed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
