/*
 * How fast one core reads events and adds them up, without HTTP and a database: the ceiling of
 * bench/usage. usage_parse FILE SECONDS reads a body of NDJSON again and again.
 */
#include "domain/usage/events.h"
#include "driver.h"
#include "infra/config/yaml.h"

static enum err find(void *arg, struct str subject, struct arena *arena, const char **ret_id,
                     struct error *e)
{
    (void)arg;
    (void)e;
    *ret_id = arena_text_n(arena, subject.ptr, subject.len);
    return OK;
}

int main(int argc, char **argv)
{
    struct arena file = {0};
    struct error e = {0};
    struct str body;
    int64_t seconds;
    if (argc != 3 || !str_to_i64(str_from(argv[2]), &seconds) ||
        file_read(argv[1], USAGE_BODY_MAX, &file, &body, &e) != OK) {
        (void)fprintf(stderr, "usage_parse FILE SECONDS: %s\n", e.text);
        return 1;
    }
    static const struct hash_key key;
    struct usage_parser *parser =
        usage_parser_new(&(struct usage_parser_options){find, NULL, &key, &key});
    long long events = 0;
    int64_t began = bench_now_us(), until = began + seconds * USEC_PER_SEC;
    while (bench_now_us() < until && e.code == OK) {
        _cleanup_arena_ struct arena arena = {0};
        struct usage_batch batch = {0};
        const struct usage_request request = {.format = USAGE_NDJSON,
                                              .now = clock_now(&clock_system)};
        if (usage_load(parser, &(struct usage_body){.text = body}, &e) == OK &&
            usage_parse(parser, &request, &arena, &batch, &e) == OK && batch.refused_count > 0)
            (void)error_set(&e, ERR_INVALID, "%s", batch.refused[0].reason);
        events += (long long)batch.accepted;
        usage_batch_release(&batch);
    }
    (void)printf("{\"events\":%lld,\"seconds\":%.6f}\n", events,
                 (double)(bench_now_us() - began) / (double)USEC_PER_SEC);
    usage_parser_free(parser);
    arena_release(&file);
    if (e.code != OK)
        (void)fprintf(stderr, "usage_parse: %s\n", e.text);
    return e.code != OK;
}
