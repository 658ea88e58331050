/* Every line of a body is counted or refused with a reason, and what counts is JSON. */
#include "fuzz.h"

#include "domain/usage/events.h"
#include "infra/json/json.h"

#define NOW (INT64_C(1790000000) * USEC_PER_SEC)

static enum err find(void *arg, struct str subject, struct arena *arena, const char **ret_id,
                     struct error *e)
{
    (void)arg;
    (void)e;
    *ret_id = str_eq(subject, STR("acme")) ? arena_text(arena, "id") : NULL;
    return OK;
}

static void check(const struct usage_batch *b)
{
    struct usage_hour sum = {0};
    for (size_t i = 0; i < b->accepted; i++) {
        BUG_ON(b->marks[i].cell >= b->cell_count);
        usage_mark_add(&b->marks[i], &sum);
    }
    BUG_ON((size_t)sum.events != b->accepted);
    for (size_t i = 0; i < b->refused_count && i < USAGE_REFUSED_MAX; i++)
        BUG_ON(!b->refused[i].reason[0]);
    for (size_t i = 0; i < b->user_count; i++)
        BUG_ON(b->users[i].cell >= b->cell_count || b->users[i].windows <= 0);
}

/* Another parser agrees, but for what it does not take: members twice, U+0000 in texts. */
static void check_is_json(struct str text)
{
    struct error e = {0};
    _cleanup_json_ json_t *json = NULL;
    BUG_ON(json_parse(text, &json, &e) != OK && !strstr(e.text, "duplicate") &&
           !strstr(e.text, "\\u0000"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hash_key key;
    struct usage_parser *parser =
        usage_parser_new(&(struct usage_parser_options){find, NULL, &key, &key});
    struct str text = fuzz_text(data, size);
    for (int format = 0; format < USAGE_FORMATS; format++) {
        _cleanup_arena_ struct arena arena = {0};
        struct usage_batch batch = {0};
        struct error e = {0};
        const struct usage_request request = {
            .format = (enum usage_format)format, .now = NOW, .want_ids = true};
        BUG_ON(usage_load(parser, &(struct usage_body){.text = text}, &e) != OK);
        if (usage_parse(parser, &request, &arena, &batch, &e) != OK) {
            BUG_ON(!e.text[0]);
            continue;
        }
        check(&batch);
        if (format != USAGE_NDJSON && batch.accepted > 0)
            check_is_json(text);
        usage_batch_release(&batch);
    }
    struct error e = {0};
    (void)usage_load(parser, &(struct usage_body){.text = text, .gzip = true}, &e);
    usage_parser_free(parser);
    return 0;
}
