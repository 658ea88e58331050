/* Usage that is sent to us. The body is not read through a record table: domain/usage/events.h. */
#include "app/api/api.h"

#include <strings.h>

static enum err unsupported(struct api_call *call, struct error *e, const char *sentence)
{
    call->error_status = 415;
    return error_set(e, ERR_INVALID, "%s", sentence);
}

static enum err read_encoding(struct api_call *call, bool *ret_gzip, struct error *e)
{
    const char *encoding = http_header(call->request, "Content-Encoding");
    *ret_gzip = encoding && strcasecmp(encoding, "gzip") == 0;
    if (encoding && !*ret_gzip && strcasecmp(encoding, "identity") != 0)
        return unsupported(call, e, "send the body as it is, or with Content-Encoding: gzip");
    return OK;
}

enum err api_usage_events(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const char *type = http_header(call->request, "Content-Type");
    struct ingest_request request = {
        .body = {.text = call->request->body, .readable = call->request->body_readable},
        .customer_id = call->token.customer_id,
        .token_id = call->token.id,
        .dedupe = http_query(call->request, "dedupe") != NULL,
    };
    if (!type || !usage_format_of(str_from(type), &request.format))
        return unsupported(call, e,
                           "the Content-Type must be application/cloudevents+json, "
                           "application/cloudevents-batch+json, application/x-ndjson or "
                           "application/json");
    TRY(read_encoding(call, &request.body.gzip, e));
    TRY(api_idempotency_key(call, &request.key, e));
    struct ingest_reply reply;
    TRY(ingest_add(call->api->ingest, &request, call->arena, &reply, e));
    call->json = reply.body;
    call->replayed = reply.replayed;
    return OK;
}
