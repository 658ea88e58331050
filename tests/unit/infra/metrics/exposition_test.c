#include "check.h"

#include "infra/metrics/exposition.h"

#include <string.h>

static void labels_are_joined_and_escaped(void **state)
{
    (void)state;
    char out[METRIC_LABELS_MAX];
    assert_string_equal(metric_labels(out, NULL), "");
    assert_string_equal(metric_labels(out, "queue", "migration", NULL), "queue=\"migration\"");
    assert_string_equal(metric_labels(out, "a", "1", "b", "say \"x\\y\"\n", NULL),
                        "a=\"1\",b=\"say \\\"x\\\\y\\\"\\n\"");
}

static void samples_stand_behind_their_head(void **state)
{
    (void)state;
    static const struct metric m = {"webhost_things", "gauge", "How many things."};
    _cleanup_buf_ struct buf out = BUF_INIT(1000);
    metric_one(&out, &m, 3);
    metric_seconds(&out, &m, "state=\"old\"", 1500000);
    assert_string_equal(buf_text(&out), "# HELP webhost_things How many things.\n"
                                        "# TYPE webhost_things gauge\n"
                                        "webhost_things 3\n"
                                        "webhost_things{state=\"old\"} 1.500000\n");
}

static void a_process_tells_what_it_uses(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf out = BUF_INIT(10000);
    metric_process(&out);
    long long memory = 0, files = 0;
    double started = 0;
    const char *text = buf_text(&out);
    const char *at = strstr(text, "\nprocess_resident_memory_bytes ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\nprocess_resident_memory_bytes %lld", &memory), 1);
    assert_true(memory > 1 << 20);
    at = strstr(text, "\nprocess_open_fds ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\nprocess_open_fds %lld", &files), 1);
    assert_true(files >= 3);
    at = strstr(text, "\nprocess_start_time_seconds ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\nprocess_start_time_seconds %lf", &started), 1);
    assert_true(started > 1e9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_joined_and_escaped),
        cmocka_unit_test(samples_stand_behind_their_head),
        cmocka_unit_test(a_process_tells_what_it_uses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
