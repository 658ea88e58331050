#include "domain/provisioning/cloud.h"

#include "base/clock.h"

#define REQUEST_MAX (1u << 20)

static enum err read_error(const struct cloud *cloud, const char *what,
                           const struct http_reply *reply, struct error *e)
{
    json_t *body = NULL;
    const char *code = NULL, *message = NULL;
    if (json_parse(reply->body, &body, NULL) == OK)
        cloud->dialect->read_error(body, &code, &message);

    enum err err = reply->status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
    for (const struct cloud_error *m = cloud->dialect->errors; m->err != OK; m++) {
        if ((m->status == 0 || m->status == reply->status) &&
            (!m->code || (code && text_eq(m->code, code)))) {
            err = m->err;
            break;
        }
    }
    (void)error_set(e, err, "%s answered %d to %s: %s%s%s", cloud->dialect->name, reply->status,
                    what, code ? code : "", code && message ? ": " : "",
                    message ? message : (code ? "" : http_status_text(reply->status)));
    json_decref(body);
    return err;
}

enum err cloud_call(struct cloud *cloud, enum http_method method, const char *path, json_t *body,
                    struct arena *arena, json_t **ret_body, struct error *e)
{
    _cleanup_buf_ struct buf text = BUF_INIT(REQUEST_MAX);
    if (body) {
        bool fitted = json_write(body, 0, &text);
        json_decref(body);
        BUG_ON(!fitted);
    }
    struct http_call call = {
        .method = method,
        .url = arena_printf(arena, "%s%s", cloud->endpoint, path),
        .headers = &cloud->header,
        .header_count = cloud->header.name ? 1 : 0,
        .bearer = cloud->token,
        .scheme = cloud->scheme,
        .body = buf_str(&text),
        .timeout_us = cloud->timeout_us,
    };
    struct http_reply reply;
    const char *what = arena_printf(arena, "%s %s", http_method_names[method], path);
    enum err err = http_client_call(cloud->http, &call, arena, &reply, NULL, e);
    if (err != OK)
        return e ? error_prefix(e, "%s, %s", cloud->dialect->name, what) : err;
    if (reply.status < 200 || reply.status > 299)
        return read_error(cloud, what, &reply, e);

    json_t *value = NULL;
    if (reply.body.len > 0 && json_parse(reply.body, &value, e) != OK)
        return error_set(e, ERR_CORRUPT, "%s answered %s with something that is not JSON",
                         cloud->dialect->name, what);
    if (ret_body)
        *ret_body = value;
    else
        json_decref(value);
    return OK;
}
