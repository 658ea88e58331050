#include "clouds.h"

#include "domain/core/install.h"
#include "domain/provisioning/traffic.h"

#include <sys/stat.h>

#define CALL_US (20 * USEC_PER_SEC)

static void start(struct clouds *c)
{
    ASSERT_OK(&c->p, sandbox_start(&c->options, &c->sandbox, &c->p.e));
    unsigned port = sandbox_port(c->sandbox);
    c->settings.hetzner.endpoint = c->settings.fly.endpoint =
        arena_printf(&c->p.arena, "http://127.0.0.1:%u/v1", port);
    c->settings.fly.uiex_endpoint = arena_printf(&c->p.arena, "http://127.0.0.1:%u", port);
}

static void setup_provisioning(struct clouds *c)
{
    testdb_create(&c->fleet);
    c->settings = provisioning_settings_default();
    c->settings.hetzner.database_url = c->settings.fly.database_url = c->fleet.url;
    c->token = secret_new(STR("token-of-the-test"));
    c->provisioning = (struct provisioning){
        .env = &c->p.env,
        .settings = &c->settings,
        .hetzner_token = c->token,
        .fly_token = c->token,
        .key = c->token,
        .stores = tenant_stores_new(c->token),
        .traffic = traffic_new(&c->p.env, c->settings.interactive_percent),
    };
    ASSERT_OK(&c->p, install_id(&c->p.env, &c->p.arena, &c->provisioning.install_id, &c->p.e));
}

int clouds_setup(void **state)
{
    struct clouds *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    product_init(&c->p);
    setup_provisioning(c);
    (void)snprintf(c->folder, sizeof(c->folder), "/tmp/webhost-clouds-XXXXXX");
    assert_non_null(mkdtemp(c->folder));
    (void)snprintf(c->db_url, sizeof(c->db_url), "sqlite:%s/sandbox.db", c->folder);
    c->options = (struct sandbox_options){
        .db_url = c->db_url,
        .threads = 2,
        .clock = &c->p.clock.clock,
        .action_delay_us = CLOUD_DELAY_US,
        .wait_max_us = 1, /* its clock stands still: nothing comes while a call waits */
    };
    c->client = http_client_new();
    start(c);
    *state = c;
    return 0;
}

int clouds_teardown(void **state)
{
    struct clouds *c = *state;
    http_client_free(c->client);
    sandbox_stop(c->sandbox);
    tenant_stores_free(c->provisioning.stores);
    traffic_free(c->provisioning.traffic);
    secret_free(c->token);
    testdb_remove(&c->fleet);
    product_release(&c->p);
    static const char *const names[] = {"", "-wal", "-shm", "-lock", "-journal"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/sandbox.db%s", c->folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(c->folder);
    free(c);
    return 0;
}

void clouds_restart(struct clouds *c)
{
    sandbox_stop(c->sandbox);
    c->sandbox = NULL;
    start(c);
}

void clouds_settle(struct clouds *c)
{
    clock_virtual_advance(&c->p.clock, 3 * CLOUD_DELAY_US);
}

static struct http_reply call(struct clouds *c, enum http_method method, const char *path,
                              const char *body)
{
    struct http_call request = {
        .method = method,
        .url = arena_printf(&c->p.arena, "http://127.0.0.1:%u%s", sandbox_port(c->sandbox), path),
        .bearer = c->token,
        .body = str_from(body),
        .timeout_us = CALL_US,
    };
    struct http_reply reply;
    ASSERT_OK(&c->p, http_client_call(c->client, &request, &c->p.arena, &reply, NULL, &c->p.e));
    if (reply.status < 200 || reply.status > 299)
        fail_msg("%s %s: %d %s", http_method_names[method], path, reply.status, reply.body.ptr);
    return reply;
}

void clouds_fault(struct clouds *c, const char *faults)
{
    (void)call(c, HTTP_POST, "/sandbox/faults", faults);
}

void clouds_no_faults(struct clouds *c)
{
    (void)call(c, HTTP_DELETE, "/sandbox/faults", NULL);
}

void clouds_post(struct clouds *c, const char *path, const char *body)
{
    (void)call(c, HTTP_POST, path, body);
}

void clouds_put(struct clouds *c, const char *path, const char *body)
{
    (void)call(c, HTTP_PUT, path, body);
}

void clouds_delete(struct clouds *c, const char *path)
{
    (void)call(c, HTTP_DELETE, path, NULL);
}

void clouds_set(struct clouds *c, const char *settings)
{
    (void)call(c, HTTP_PATCH, "/sandbox/settings", settings);
}

json_t *clouds_get(struct clouds *c, const char *path)
{
    struct http_reply reply = call(c, HTTP_GET, path, NULL);
    json_t *found = NULL;
    ASSERT_OK(&c->p, json_parse(reply.body, &found, &c->p.e));
    return found;
}

int64_t clouds_count(struct clouds *c, const char *what)
{
    _cleanup_json_ json_t *state = clouds_get(c, "/sandbox/state");
    return json_get_int(json_object_get(state, "counts"), what);
}

enum job_result clouds_host_advance(struct clouds *c, const char *host_id)
{
    struct host_run run = {&c->provisioning, host_id, "job:test", &c->p.arena, 0};
    c->p.e = (struct error){0};
    enum job_result result = host_advance(&run, &c->p.e);
    c->wait_us = run.wait_us;
    return result;
}

enum job_result clouds_advance(struct clouds *c, const char *deployment_id,
                               const char **ret_database_url)
{
    struct deployment d = product_deployment(&c->p, deployment_id);
    struct provision_run run = {&c->provisioning, &d, "job:test", &c->p.arena, false};
    c->p.e = (struct error){0};
    enum job_result result =
        provider_of((enum mode)d.mode)->advance(&run, ret_database_url, &c->p.e);
    if (!run.waits_for_job)
        return result;
    d = product_deployment(&c->p, deployment_id);
    result = clouds_host_advance(c, d.host_id);
    return result == JOB_DONE ? clouds_advance(c, deployment_id, ret_database_url) : result;
}

void clouds_provision(struct clouds *c, const char *deployment_id)
{
    const char *url = NULL;
    enum job_result result;
    for (int step = 0; step < 10; step++) {
        result = clouds_advance(c, deployment_id, &url);
        if (result != JOB_SNOOZE)
            break;
        clouds_settle(c);
    }
    if (result != JOB_DONE)
        fail_msg("deployment %s was not provisioned: %s", deployment_id, c->p.e.text);
    struct deployment d = product_deployment(&c->p, deployment_id);
    product_begin(&c->p);
    ASSERT_OK(&c->p,
              deployment_activate(c->p.tx, &c->p.env, "job:test", &d, url, &c->p.arena, &c->p.e));
    product_commit(&c->p);
}

enum err clouds_remove(struct clouds *c, const char *deployment_id)
{
    struct deployment d = product_deployment(&c->p, deployment_id);
    struct provision_run run = {&c->provisioning, &d, "job:test", &c->p.arena, false};
    return provider_of((enum mode)d.mode)->remove(&run, &c->p.e);
}
