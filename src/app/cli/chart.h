/*
 * A chart of a series in the terminal: columns of block characters, or of '#' where the locale is
 * not UTF-8. It is as wide as the terminal at most; where there are more values than columns, a
 * column is the sum of its values, or the largest of them.
 */
#ifndef WEBHOST_APP_CLI_CHART_H
#define WEBHOST_APP_CLI_CHART_H

#include "app/cli/table.h"

struct chart {
    const char *title;
    const double *values; /* not negative */
    size_t count;
    bool largest;
    const char *first, *last; /* what stands under the first and the last column */
};

/* Nothing without a value above 0. */
void chart_print(const struct table *t, const struct chart *chart);

/* "950", "12.4k", "3.1M": at most six characters. In the arena. */
const char *short_number(double value, struct arena *arena);

#endif
