#include "support.h"

#include "infra/secrets/secret.h"

#include <ftw.h>

const char *text(struct cloud *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *made = arena_vprintf(&c->arena, fmt, ap);
    va_end(ap);
    return made;
}

static void start(struct cloud *c)
{
    struct error e;
    if (sandbox_start(&c->options, &c->sandbox, &e) != OK)
        fail_msg("%s", e.text);
}

int cloud_setup(void **state)
{
    struct cloud *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    (void)snprintf(c->folder, sizeof(c->folder), "/tmp/sandbox-test-XXXXXX");
    assert_non_null(mkdtemp(c->folder));
    (void)snprintf(c->db_url, sizeof(c->db_url), "sqlite:%s/cloud.db", c->folder);
    clock_virtual_init(&c->clock, START_US);
    c->options = (struct sandbox_options){
        .db_url = c->db_url,
        .threads = 4,
        .clock = &c->clock.clock,
        .action_delay_us = DELAY_US,
    };
    c->client = http_client_new();
    c->token = secret_new(STR("token-of-the-test"));
    c->kept = json_array();
    start(c);
    *state = c;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int cloud_teardown(void **state)
{
    struct cloud *c = *state;
    http_client_free(c->client);
    sandbox_stop(c->sandbox);
    secret_free(c->token);
    json_decref(c->kept);
    arena_release(&c->arena);
    (void)nftw(c->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(c);
    return 0;
}

void cloud_restart(struct cloud *c)
{
    sandbox_stop(c->sandbox);
    c->sandbox = NULL;
    start(c);
}

void cloud_settle(struct cloud *c)
{
    clock_virtual_advance(&c->clock, 3 * DELAY_US);
}

struct seen ask_with(struct cloud *c, enum http_method method, const char *path, const char *body,
                     const char *header, const char *value)
{
    struct http_pair pair = {header, value};
    struct http_call call = {
        .method = method,
        .url = text(c, "http://127.0.0.1:%u%s", sandbox_port(c->sandbox), path),
        .headers = &pair,
        .header_count = header ? 1 : 0,
        .bearer = c->token,
        .body = str_from(body),
        .timeout_us = CALL_US,
        .reply_max = 16 * 1024 * 1024,
    };
    struct seen seen = {0};
    struct error e;
    if (http_client_call(c->client, &call, &c->arena, &seen.reply, NULL, &e) != OK)
        fail_msg("%s", e.text);
    seen.status = seen.reply.status;
    if (seen.reply.body.len > 0) {
        if (json_parse(seen.reply.body, &seen.body, &e) != OK)
            fail_msg("%s: %s", path, e.text);
        (void)json_array_append_new(c->kept, seen.body);
    }
    return seen;
}

struct seen ask(struct cloud *c, enum http_method method, const char *path, const char *body)
{
    return ask_with(c, method, path, body, NULL, NULL);
}

struct seen expect(struct cloud *c, int status, enum http_method method, const char *path,
                   const char *body)
{
    struct seen seen = ask(c, method, path, body);
    if (seen.status != status)
        fail_msg("%s %s: %d instead of %d: %s", http_method_names[method], path, seen.status,
                 status, seen.reply.body.ptr);
    return seen;
}

const json_t *at(const json_t *value, const char *path)
{
    struct str rest = str_from(path);
    while (value && rest.ptr) {
        struct str name = str_cut(&rest, '.');
        int64_t index;
        if (json_is_array(value) && str_to_i64(name, &index))
            value = json_array_get(value, (size_t)index);
        else
            value = json_object_getn(value, name.ptr, name.len);
    }
    return value;
}

const char *text_at(const struct seen *seen, const char *path)
{
    const json_t *value = at(seen->body, path);
    if (!json_is_string(value))
        fail_msg("no text at %s in %s", path, seen->reply.body.ptr);
    return json_string_value(value);
}

int64_t int_at(const struct seen *seen, const char *path)
{
    const json_t *value = at(seen->body, path);
    if (!json_is_integer(value))
        fail_msg("no number at %s in %s", path, seen->reply.body.ptr);
    return json_integer_value(value);
}

size_t count_at(const struct seen *seen, const char *path)
{
    const json_t *value = *path ? at(seen->body, path) : seen->body;
    if (!json_is_array(value))
        fail_msg("no list at %s in %s", path, seen->reply.body.ptr);
    return json_array_size(value);
}
