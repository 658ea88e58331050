/*
 * The decision engine on recorded profiles, one thread.
 *
 *     decide_ours PROFILES      a file with one profile a line, as `webhost decide --batch` reads
 * it
 *
 * Answers each line of standard input with one JSON object on one line:
 *
 *     decide ROUNDS       every profile ROUNDS times: mode, plan, regions, scores and each factor's
 * part explain ROUNDS      the same, and the sentence that gives the reason, as text
 *         {"decisions":..,"seconds":..,"multi_tenant":..}     the last: of one round
 *
 * The file is read before the first line, {"op":"ready"}.
 */
#include "base/clock.h"
#include "domain/placement/explain.h"
#include "driver.h"

#include <errno.h>

struct subject {
    struct policy *policy;
    struct prices *prices;
    struct records profiles; /* struct profile */
};

static enum err read_profiles(struct subject *s, FILE *file, struct error *e)
{
    char *line = NULL;
    size_t size = 0, room = 0, count = 0;
    struct profile *profiles = NULL;
    ssize_t len;
    enum err err = OK;
    while (err == OK && (len = getline(&line, &size, file)) > 0) {
        if (count == room) {
            room = room ? 2 * room : 1024;
            profiles = reallocarray(profiles, room, sizeof(*profiles));
            BUG_ON(!profiles);
        }
        err = profile_parse((struct str){line, (size_t)len}, &profiles[count++], e);
    }
    free(line);
    s->profiles = (struct records){profiles, count};
    return err;
}

/* A new decision for every profile into the same place, as a sweep would look at each and go on. */
static int64_t decide_all(const struct subject *s, bool explain, struct buf *reason)
{
    const struct profile *profiles = s->profiles.items;
    struct decide_context context = {0};
    struct decision decision;
    int64_t multi = 0;
    for (size_t i = 0; i < s->profiles.count; i++) {
        decide(s->policy, &profiles[i], &context, &decision);
        if (explain) {
            struct decided d = {s->policy, s->prices, &profiles[i], &context, &decision};
            buf_reset(reason);
            decision_append_reason(&d, reason);
        }
        multi += decision.placement.mode == MULTI_TENANT;
    }
    return multi;
}

static bool answer(struct subject *s, const char *line)
{
    char verb[16];
    int64_t rounds;
    struct str words = str_trim(str_from(line));
    const char *space = memchr(words.ptr, ' ', words.len);
    size_t len = space ? (size_t)(space - words.ptr) : words.len;
    if (!space || len >= sizeof(verb) ||
        !str_to_i64((struct str){space + 1, words.len - len - 1}, &rounds) || rounds < 1)
        return false;
    memcpy(verb, words.ptr, len);
    verb[len] = '\0';
    bool explain = text_eq(verb, "explain");
    if (!explain && !text_eq(verb, "decide"))
        return false;
    _cleanup_buf_ struct buf reason = BUF_INIT(4096);
    int64_t multi = 0, start = bench_now_us();
    for (int64_t i = 0; i < rounds; i++)
        multi = decide_all(s, explain, &reason);
    double seconds = (double)(bench_now_us() - start) / (double)USEC_PER_SEC;
    (void)printf("{\"decisions\":%lld,\"seconds\":%.6f,\"multi_tenant\":%lld}\n",
                 (long long)rounds * (long long)s->profiles.count, seconds, (long long)multi);
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    struct subject s = {0};
    struct error e;
    FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;
    if (!file) {
        (void)fprintf(stderr, "usage: decide_ours PROFILES: %s\n",
                      argc == 2 ? strerror(errno) : "one file");
        return EXIT_FAILURE;
    }
    enum err err = read_profiles(&s, file, &e);
    (void)fclose(file);
    if (err != OK) {
        (void)fprintf(stderr, "decide_ours: %s\n", e.text);
        return EXIT_FAILURE;
    }
    s.policy = policy_builtin("plan-v1");
    s.prices = prices_builtin();
    (void)puts("{\"op\":\"ready\"}");
    (void)fflush(stdout);
    char line[128];
    bool ok = true;
    while (ok && fgets(line, sizeof(line), stdin))
        ok = answer(&s, line);
    if (!ok)
        (void)fprintf(stderr, "decide_ours: decide ROUNDS or explain ROUNDS\n");
    policy_free(s.policy);
    prices_free(s.prices);
    free(s.profiles.items);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
