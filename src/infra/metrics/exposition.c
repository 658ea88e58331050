#include "infra/metrics/exposition.h"

#include "base/err.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void metric_head(struct buf *out, const struct metric *m)
{
    (void)buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
}

/* NAME{LABELS}, without braces when there are none. */
static void write_series(struct buf *out, const char *name, const char *labels)
{
    if (*labels)
        (void)buf_printf(out, "%s{%s} ", name, labels);
    else
        (void)buf_printf(out, "%s ", name);
}

void metric_int(struct buf *out, const struct metric *m, const char *labels, int64_t value)
{
    write_series(out, m->name, labels);
    (void)buf_printf(out, "%" PRId64 "\n", value);
}

void metric_seconds(struct buf *out, const struct metric *m, const char *labels, int64_t us)
{
    write_series(out, m->name, labels);
    (void)buf_printf(out, "%.6f\n", (double)us / 1e6);
}

void metric_decimal(struct buf *out, const struct metric *m, const char *labels, decimal value)
{
    char text[DECIMAL_TEXT_MAX];
    write_series(out, m->name, labels);
    (void)buf_printf(out, "%s\n", decimal_text(value, text));
}

void metric_one(struct buf *out, const struct metric *m, int64_t value)
{
    metric_head(out, m);
    metric_int(out, m, "", value);
}

void metric_one_seconds(struct buf *out, const struct metric *m, int64_t us)
{
    metric_head(out, m);
    metric_seconds(out, m, "", us);
}

/* Appends as much as fits; true when all did. */
static bool append_escaped(char out[METRIC_LABELS_MAX], size_t *len, const char *text)
{
    for (; *text; text++) {
        bool escape = *text == '"' || *text == '\\' || *text == '\n';
        if (*len + 3 > METRIC_LABELS_MAX)
            return false;
        if (escape)
            out[(*len)++] = '\\';
        out[(*len)++] = *text == '\n' ? 'n' : *text;
    }
    out[*len] = '\0';
    return true;
}

const char *metric_labels(char out[METRIC_LABELS_MAX], ...)
{
    size_t len = 0;
    const char *name;
    va_list ap;
    out[0] = '\0';
    va_start(ap, out);
    while ((name = va_arg(ap, const char *)) != NULL) {
        int n = snprintf(out + len, METRIC_LABELS_MAX - len, "%s%s=\"", len ? "," : "", name);
        len += (size_t)n;
        BUG_ON(n < 0 || len >= METRIC_LABELS_MAX);
        BUG_ON(!append_escaped(out, &len, va_arg(ap, const char *)));
        BUG_ON(len + 2 > METRIC_LABELS_MAX);
        memcpy(out + len, "\"", 2);
        len++;
    }
    va_end(ap);
    return out;
}
