#include "domain/usage/hours.h"

#include "hours.sql.h"

#define SUM_(member) +1
#define MAX_(member) +1
enum { NUMBERS = 0 USAGE_NUMBERS(SUM_, MAX_), COLUMNS = 2 + NUMBERS + LATENCY_BUCKETS };
#undef SUM_
#undef MAX_

/* Rows are copied and added up as an array of numbers behind customer and hour. */
_Static_assert(offsetof(struct usage_hour, events) == sizeof(const char *) + sizeof(int64_t) &&
                   sizeof(struct usage_hour) ==
                       sizeof(const char *) + (COLUMNS - 1) * sizeof(int64_t),
               "struct usage_hour is not what USAGE_NUMBERS lists");

#define NUMBER(member) {#member, FIELD_INT, offsetof(struct usage_hour, member)},
#define LATENCY(tens, n)                                                                           \
    {                                                                                              \
        "l" #tens #n, FIELD_INT,                                                                   \
            offsetof(struct usage_hour, latency) + (tens * 10 + n) * sizeof(int64_t)               \
    }
#define LATENCY_TEN(tens)                                                                          \
    LATENCY(tens, 0), LATENCY(tens, 1), LATENCY(tens, 2), LATENCY(tens, 3), LATENCY(tens, 4),      \
        LATENCY(tens, 5), LATENCY(tens, 6), LATENCY(tens, 7), LATENCY(tens, 8), LATENCY(tens, 9)

const struct field usage_hour_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct usage_hour, customer_id)},
    /* clang-format off */
    NUMBER(hour)
    USAGE_NUMBERS(NUMBER, NUMBER)
    /* clang-format on */
    LATENCY_TEN(0),
    LATENCY_TEN(1),
    LATENCY_TEN(2),
    LATENCY(3, 0),
    LATENCY(3, 1),
    FIELD_END,
};

/* -- latency ---------------------------------------------------------------------------------- */

#define DOUBLING(n) 1000LL << (n), 1500LL << (n)

const int64_t latency_bounds_us[LATENCY_BUCKETS - 1] = {
    DOUBLING(0),  DOUBLING(1),  DOUBLING(2),  DOUBLING(3),  DOUBLING(4),  DOUBLING(5),
    DOUBLING(6),  DOUBLING(7),  DOUBLING(8),  DOUBLING(9),  DOUBLING(10), DOUBLING(11),
    DOUBLING(12), DOUBLING(13), DOUBLING(14), 1000LL << 15,
};

unsigned latency_bucket(int64_t duration_us)
{
    unsigned below = 0; /* so many bounds are known to be smaller */
    for (unsigned step = LATENCY_BUCKETS / 2; step > 0; step /= 2) {
        if (duration_us > latency_bounds_us[below + step - 1])
            below += step;
    }
    return below;
}

int64_t latency_quantile(const int64_t latency[LATENCY_BUCKETS], unsigned per_mille)
{
    BUG_ON(per_mille > 1000);
    int64_t calls = 0, before = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++)
        calls += latency[i];
    if (calls == 0)
        return INT_ABSENT;
    /* The rank of the call that is asked for, from 1. */
    int64_t rank = calls / 1000 * per_mille + (calls % 1000 * per_mille + 999) / 1000;
    rank = rank > 0 ? rank : 1;
    size_t i = 0;
    while (before + latency[i] < rank)
        before += latency[i++];
    int64_t low = i > 0 ? latency_bounds_us[i - 1] : 0;
    if (i == LATENCY_BUCKETS - 1)
        return low;
    double share = (double)(rank - before) / (double)latency[i];
    return low + (int64_t)((double)(latency_bounds_us[i] - low) * share);
}

/* -- adding up -------------------------------------------------------------------------------- */

void usage_hour_add(struct usage_hour *to, const struct usage_hour *from)
{
#define SUM(member) to->member += from->member;
#define MAX(member) to->member = from->member > to->member ? from->member : to->member;
    USAGE_NUMBERS(SUM, MAX)
#undef SUM
#undef MAX
    for (size_t i = 0; i < LATENCY_BUCKETS; i++)
        to->latency[i] += from->latency[i];
}

void usage_hour_settle(struct usage_hour *hour)
{
    if (hour->gps_collected > hour->gps_points)
        hour->gps_points = hour->gps_collected;
    hour->gps_collected = 0;
}

/* What may be added to a sum, which hours.sql keeps as low before: both together are a number. */
#define SUM_MAX (INT64_MAX / 2)

/* In an array to sort: `first` is how the customer's id begins, and most differ there. */
struct ordered {
    uint64_t first;
    const struct usage_hour *hour;
};

/* Compares as strcmp() does the bytes that it holds. */
static uint64_t first_bytes(const char *text)
{
    uint64_t first = 0;
    for (size_t i = 0; i < sizeof(first); i++) {
        first = first << 8 | (unsigned char)*text;
        text += *text != '\0';
    }
    return first;
}

static int compare_keys(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    int order = strcmp(x->hour->customer_id, y->hour->customer_id);
    return order != 0 ? order : (x->hour->hour > y->hour->hour) - (x->hour->hour < y->hour->hour);
}

enum err usage_hours_add(struct db_tx *tx, int64_t now, const struct usage_hour *hours,
                         size_t count, struct arena *arena, struct error *e)
{
    struct ordered *sorted = arena_new_array(arena, count, struct ordered);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct ordered){first_bytes(hours[i].customer_id), &hours[i]};
    qsort(sorted, count, sizeof(*sorted), compare_keys);

    /* Not from the arena, which clears its memory: this is more than all the rest. */
    struct db_value *rows = reallocarray(NULL, count ? count : 1, COLUMNS * sizeof(*rows));
    BUG_ON(!rows);
    for (size_t i = 0; i < count; i++) {
        struct db_value *row = rows + i * COLUMNS;
        const int64_t *numbers = &sorted[i].hour->hour;
        row[0] = db_text(sorted[i].hour->customer_id);
        for (size_t column = 1; column < COLUMNS; column++)
            row[column] = db_int(numbers[column - 1] < SUM_MAX ? numbers[column - 1] : SUM_MAX);
    }
    enum err err = db_exec_rows(tx, &usage_hours_add_rows, DB_ARGS(db_int(now)), rows, COLUMNS,
                                count, NULL, e);
    free(rows);
    return err;
}

enum err usage_hours_list(struct db_tx *tx, const char *customer_id, int64_t first, int64_t end,
                          struct arena *arena, struct records *ret_hours, struct error *e)
{
    size_t max = end > first ? (size_t)(end - first) : 0;
    return db_list(tx, &usage_hours_between,
                   DB_ARGS(db_text(customer_id), db_int(first), db_int(end)), usage_hour_fields,
                   sizeof(struct usage_hour), max, arena, ret_hours, e);
}
