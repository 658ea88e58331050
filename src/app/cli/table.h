/*
 * Lists and single things from the server, shown through a static table of columns.
 *
 * The same columns print a list as a table (libsmartcols: it fits the terminal and cuts columns
 * that are too wide) and one thing as a card, a line for each value. A file or a pipe gets whole
 * values and no colours.
 */
#ifndef WEBHOST_APP_CLI_TABLE_H
#define WEBHOST_APP_CLI_TABLE_H

#include "app/cli/text.h"
#include "infra/json/json.h"

enum column_kind {
    COLUMN_TEXT,
    COLUMN_LONG,   /* text that may be cut when the terminal is narrow */
    COLUMN_NUMBER, /* to the right */
    COLUMN_MONEY,  /* a number with two decimal places, to the right */
    COLUMN_TOOK,   /* milliseconds, as "840ms" or "2.1s", to the right */
    COLUMN_AGO,    /* a time, as "2m ago" */
    COLUMN_STATE,  /* a text with the colour of what it means */
    COLUMN_LIST,   /* an array of texts, "a, b" */
};

struct column {
    const char *key; /* a path in the row: "host.name" */
    const char *header;
    enum column_kind kind;
};

#define COLUMN_END                                                                                 \
    {                                                                                              \
        0                                                                                          \
    }

struct table {
    FILE *out;
    struct terminal terminal;
    int64_t now_us;
    struct arena *arena;
};

/* `rows` is an array of objects. Columns end with COLUMN_END. */
void table_print(const struct table *t, const struct column *columns, const json_t *rows);

/* One object: "Header   value", absent values left out. */
void card_print(const struct table *t, const struct column *columns, const json_t *object);

/* The value at a path such as "host.name"; NULL when some part is not there. */
const json_t *json_at(const json_t *object, const char *path);

/* What a cell of that kind shows; "-" when there is nothing. In the arena. */
const char *cell_text(const struct table *t, enum column_kind kind, const json_t *value);

#endif
