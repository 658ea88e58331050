/*
 * Runs a fuzz target (LLVMFuzzerTestOneInput) on its seeds and a fixed number of damaged copies of
 * them: the same inputs in every run, as a test of the normal suite.
 *
 *     driver RUNS SEED_FILE...          all of them, as TAP
 *     driver --only N SEED_FILE...      the Nth alone, which is also written to standard output
 *
 * A seed is a whole file, or each line of a file whose name ends in ".lines".
 *
 * What goes wrong ends in an abort, by BUG_ON() or a sanitizer; the number of the run is said then.
 * With `clang -fsanitize=fuzzer` a target links without this file, and libFuzzer searches on.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/rng.h"
#include "infra/config/yaml.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define SEED_MAX  (1u << 20)
#define INPUT_MAX (1u << 16) /* a damaged copy stays below this */
#define SEEDS_MAX 64
#define CHANGES   4 /* at most, in one copy */

struct seeds {
    struct str items[SEEDS_MAX];
    size_t count;
};

static volatile sig_atomic_t running; /* for say_run() */

/* Only what is safe in a signal handler. */
static void say_run(int signal)
{
    char text[64] = "\n# stopped in run ";
    size_t len = strlen(text), digits = 1;
    for (int n = running; n >= 10; n /= 10)
        digits++;
    for (int n = running, i = (int)digits; i > 0; n /= 10)
        text[len + (size_t)--i] = (char)('0' + n % 10);
    text[len + digits] = '\n';
    ssize_t written = write(STDERR_FILENO, text, len + digits + 1);
    (void)written;
    (void)signal;
}

/* -- damage ----------------------------------------------------------------------------------- */

static size_t below(struct rng *rng, size_t bound)
{
    return (size_t)rng_below(rng, (int64_t)bound);
}

/* What formats give a meaning to, and what they do not expect. */
static char odd_byte(struct rng *rng)
{
    static const char odd[] =
        "\"'{}[]:,.-+0123456789eEtT zZ\n\r\t\\/#&*!|>%@`~\x00\x01\x7f\x80\xc3\xff";
    return rng_below(rng, 4) ? odd[below(rng, sizeof(odd) - 1)] : (char)rng_below(rng, 256);
}

/* Replaces `cut` bytes at `at` by `paste`. */
static void splice(struct buf *b, size_t at, size_t cut, struct str paste, struct arena *arena)
{
    struct str rest = {arena_text_n(arena, b->ptr + at + cut, b->len - at - cut),
                       b->len - at - cut};
    if (at + paste.len + rest.len > INPUT_MAX)
        return;
    b->len = at;
    BUG_ON(!buf_append_str(b, paste) || !buf_append_str(b, rest));
}

static void damage(struct buf *b, const struct seeds *seeds, struct rng *rng, struct arena *arena)
{
    if (b->len == 0) {
        (void)buf_append_char(b, odd_byte(rng));
        return;
    }
    size_t at = below(rng, b->len), len = 1 + below(rng, b->len - at);
    char byte = odd_byte(rng);
    struct str one = {&byte, 1}, none = {"", 0};
    struct str other = seeds->items[below(rng, seeds->count)];
    switch (rng_below(rng, 7)) {
    case 0:
        b->ptr[at] = byte;
        break;
    case 1:
        b->ptr[at] = (char)(b->ptr[at] ^ 1 << rng_below(rng, 8));
        break;
    case 2:
        splice(b, at, 0, one, arena);
        break;
    case 3:
        splice(b, at, len < 8 ? len : 8, none, arena);
        break;
    case 4: /* said twice */
        splice(b, at, 0, (struct str){arena_text_n(arena, b->ptr + at, len), len}, arena);
        break;
    case 5: /* cut short */
        splice(b, at, b->len - at, none, arena);
        break;
    case 6: /* the end of another seed */
        if (other.len > 0) {
            size_t from = below(rng, other.len);
            splice(b, at, b->len - at, (struct str){other.ptr + from, other.len - from}, arena);
        }
        break;
    }
}

/* -- runs ------------------------------------------------------------------------------------- */

/* The seeds come first as they are; then copies, each from its number alone. */
static void make_input(const struct seeds *seeds, int64_t number, struct buf *out)
{
    _cleanup_arena_ struct arena arena = {0};
    struct rng_seeded rng;
    rng_seeded_init(&rng, (uint64_t)number);
    bool plain = (size_t)number < seeds->count;
    size_t pick = plain ? (size_t)number : below(&rng.rng, seeds->count);
    buf_reset(out);
    BUG_ON(!buf_append_str(out, seeds->items[pick]));
    for (int64_t n = plain ? 0 : 1 + rng_below(&rng.rng, CHANGES); n > 0; n--)
        damage(out, seeds, &rng.rng, &arena);
}

/* On the heap and exactly as long as it is, so that a read beyond the end is seen. */
static void run_one(const struct buf *input)
{
    uint8_t *copy = malloc(input->len ? input->len : 1);
    BUG_ON(!copy);
    memcpy(copy, buf_text(input), input->len);
    (void)LLVMFuzzerTestOneInput(copy, input->len);
    free(copy);
}

static void add_seed(struct seeds *seeds, struct str text)
{
    BUG_ON(seeds->count == SEEDS_MAX);
    seeds->items[seeds->count++] = text;
}

static void read_seeds(const char *path, struct arena *arena, struct seeds *out)
{
    struct error e;
    struct str text;
    if (file_read(path, SEED_MAX, arena, &text, &e) != OK) {
        (void)fprintf(stderr, "driver: %s\n", e.text);
        exit(EXIT_FAILURE);
    }
    if (!str_ends_with(str_from(path), STR(".lines"))) {
        add_seed(out, text);
        return;
    }
    while (text.len > 0)
        add_seed(out, str_cut(&text, '\n'));
}

int main(int argc, char **argv)
{
    int64_t number;
    bool only = argc > 1 && text_eq(argv[1], "--only");
    int first = only ? 3 : 2;
    if (argc <= first || !str_to_i64(str_from(argv[first - 1]), &number) || number < 0 ||
        number > INT32_MAX) {
        (void)fprintf(stderr, "usage: driver RUNS | --only N, SEED_FILE...\n");
        return EXIT_FAILURE;
    }
    _cleanup_arena_ struct arena arena = {0};
    struct seeds seeds = {0};
    for (int i = first; i < argc; i++)
        read_seeds(argv[i], &arena, &seeds);
    struct sigaction action = {.sa_handler = say_run, .sa_flags = (int)SA_RESETHAND};
    BUG_ON(sigaction(SIGABRT, &action, NULL) != 0);

    _cleanup_buf_ struct buf input = BUF_INIT(SEED_MAX + INPUT_MAX);
    for (int64_t i = only ? number : 0; i < number + only; i++) {
        running = (int)i;
        make_input(&seeds, i, &input);
        if (only)
            BUG_ON(fwrite(buf_text(&input), 1, input.len, stdout) != input.len || fflush(stdout));
        run_one(&input);
    }
    if (!only)
        printf("1..1\nok 1 - %lld inputs\n", (long long)number);
    return EXIT_SUCCESS;
}
