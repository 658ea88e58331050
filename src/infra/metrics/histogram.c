#include "infra/metrics/histogram.h"

#include "base/err.h"

#include <inttypes.h>

const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS - 1] = {
    500,    1000,    2500,    5000,    10000,    25000,    50000,    100000,    250000,
    500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 300000000,
};

void histogram_add(struct histogram *h, int64_t duration_us)
{
    size_t i = 0;
    while (i < HISTOGRAM_BUCKETS - 1 && duration_us > histogram_bounds_us[i])
        i++;
    h->counts[i]++;
    h->total++;
    h->sum_us += duration_us;
}

int64_t histogram_quantile(const struct histogram *h, unsigned per_mille)
{
    BUG_ON(per_mille > 1000);
    if (h->total == 0)
        return INT64_MIN;
    uint64_t rank = (h->total * per_mille + 999) / 1000, below = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        if (h->counts[i] > 0 && below + h->counts[i] >= rank) {
            int64_t low = i ? histogram_bounds_us[i - 1] : 0;
            int64_t width = histogram_bounds_us[i] - low;
            return low + width * (int64_t)(rank - below) / (int64_t)h->counts[i];
        }
        below += h->counts[i];
    }
    return histogram_bounds_us[HISTOGRAM_BUCKETS - 2];
}

void histogram_write(const struct histogram *h, const char *name, const char *labels,
                     struct buf *out)
{
    const char *comma = *labels ? "," : "";
    uint64_t up_to = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        up_to += h->counts[i];
        (void)buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", name, labels, comma,
                         (double)histogram_bounds_us[i] / 1e6, up_to);
    }
    (void)buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma,
                     h->total);
    (void)buf_printf(out, "%s_sum{%s} %.6f\n", name, labels, (double)h->sum_us / 1e6);
    (void)buf_printf(out, "%s_count{%s} %" PRIu64 "\n", name, labels, h->total);
}
