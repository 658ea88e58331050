#include "app/api/problem.h"

static const int statuses[] = {
    [ERR_INVALID] = 422,   [ERR_DENIED] = 403,  [ERR_NOT_FOUND] = 404, [ERR_CONFLICT] = 409,
    [ERR_TOO_LARGE] = 413, [ERR_BUSY] = 503,    [ERR_TIMEOUT] = 503,   [ERR_UNAVAILABLE] = 503,
    [ERR_CAPACITY] = 503,  [ERR_CORRUPT] = 500, [ERR_IO] = 500,
};

int problem_status(enum err err)
{
    BUG_ON(err == OK || (size_t)err >= ARRAY_LEN(statuses));
    return statuses[err];
}

static json_t *problem_list(const struct problems *problems)
{
    json_t *list = json_array();
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->items[i];
        (void)json_array_append_new(list, json_pack("{s:o, s:o}", "field", json_from_text(p->path),
                                                    "detail", json_from_text(p->text)));
    }
    return list;
}

void problem_write(struct http_response *response, int status, const char *detail,
                   const struct problems *problems)
{
    _cleanup_json_ json_t *body = json_pack("{s:s, s:s, s:i}", "type", "about:blank", "title",
                                            http_status_text(status), "status", status);
    (void)json_object_set_new(body, "detail", json_from_text(detail));
    if (problems && problems->count > 0)
        (void)json_object_set_new(body, "errors", problem_list(problems));
    response->status = status;
    response->content_type = "application/problem+json";
    buf_reset(&response->body);
    (void)json_write(body, 2, &response->body);
    (void)buf_append_char(&response->body, '\n');
    if (status == 503)
        http_set_header(response, "Retry-After", "5");
    if (status == 401)
        http_set_header(response, "WWW-Authenticate", "Bearer");
}
