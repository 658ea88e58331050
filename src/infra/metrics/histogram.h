/*
 * A histogram of durations with fixed buckets, in the shape that Prometheus wants.
 *
 * Not locked: the owner guards it. Durations are microseconds.
 */
#ifndef WEBHOST_INFRA_METRICS_HISTOGRAM_H
#define WEBHOST_INFRA_METRICS_HISTOGRAM_H

#include "base/buf.h"

#define HISTOGRAM_BUCKETS 18

/* Upper bounds of the buckets; the last bucket has none. */
extern const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS - 1];

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    int64_t sum_us;
};

void histogram_add(struct histogram *h, int64_t duration_us);

/*
 * The duration below which the share `per_mille` of all lies, interpolated within its bucket;
 * INT64_MIN when the histogram is empty.
 */
int64_t histogram_quantile(const struct histogram *h, unsigned per_mille);

/*
 * Appends NAME_bucket, NAME_sum and NAME_count with `labels` ("queue=\"x\"", or "") in seconds, as
 * the Prometheus text format 0.0.4 has them.
 */
void histogram_write(const struct histogram *h, const char *name, const char *labels,
                     struct buf *out);

#endif
