/*
 * The text that Prometheus reads: format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * Names follow https://prometheus.io/docs/practices/naming/: a base unit, counters end in _total.
 * Labels come from fixed lists, never from customers, hosts or paths, so that a scrape has a bound.
 */
#ifndef WEBHOST_INFRA_METRICS_EXPOSITION_H
#define WEBHOST_INFRA_METRICS_EXPOSITION_H

#include "base/buf.h"
#include "base/decimal.h"

#include <stdint.h>

/* The HELP and TYPE lines; the samples of a metric follow them without another's between. */
struct metric {
    const char *name, *type, *help;
};

void metric_head(struct buf *out, const struct metric *m);

/* One sample. `labels` is "queue=\"x\",state=\"y\"", or "". */
void metric_int(struct buf *out, const struct metric *m, const char *labels, int64_t value);
void metric_seconds(struct buf *out, const struct metric *m, const char *labels, int64_t us);
void metric_decimal(struct buf *out, const struct metric *m, const char *labels, decimal value);

/* A metric of one sample: head and value. */
void metric_one(struct buf *out, const struct metric *m, int64_t value);
void metric_one_seconds(struct buf *out, const struct metric *m, int64_t us);

#define METRIC_LABELS_MAX 256

/*
 * NAME="VALUE" joined by commas, from pairs of texts that end with NULL; values are escaped. What
 * does not fit is our mistake.
 */
const char *metric_labels(char out[METRIC_LABELS_MAX], ...) __attribute__((sentinel));

/* The process_* metrics that every client library has: CPU, memory, files, start. Linux. */
void metric_process(struct buf *out);

#endif
