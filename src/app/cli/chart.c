#include "app/cli/chart.h"

#define ROWS        6
#define EIGHTHS     8
#define LABEL_WIDTH 7 /* and a space */

const char *short_number(double value, struct arena *arena)
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P"};
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1000;
        unit++;
    }
    bool whole = value >= 99.5 || (unit == 0 && value == (double)(int64_t)value);
    return arena_printf(arena, whole ? "%.0f%s" : "%.1f%s", value, units[unit]);
}

/* How many values each column sums up. */
static size_t values_a_column(const struct table *t, size_t count)
{
    size_t room = t->terminal.width > LABEL_WIDTH + 2 ? t->terminal.width - LABEL_WIDTH - 1 : 1;
    return (count + room - 1) / room;
}

/* A cell of a column that is `height` eighths high, in the row that begins at `floor` eighths. */
static const char *cell(const struct table *t, int height, int floor)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int part = height - floor;
    if (part <= 0)
        return " ";
    if (!t->terminal.utf8)
        return part * 2 >= EIGHTHS || floor == 0 ? "#" : " ";
    return blocks[part < EIGHTHS ? part : EIGHTHS];
}

static void print_rows(const struct table *t, const double *sums, size_t columns, double most)
{
    for (int row = ROWS - 1; row >= 0; row--) {
        const char *label = row == ROWS - 1 ? short_number(most, t->arena) : row == 0 ? "0" : "";
        (void)fprintf(t->out, "%*s ", LABEL_WIDTH, label);
        for (size_t i = 0; i < columns; i++) {
            int height = (int)(sums[i] / most * ROWS * EIGHTHS + 0.5);
            if (sums[i] > 0 && height == 0)
                height = 1; /* little is not nothing */
            (void)fputs(cell(t, height, row * EIGHTHS), t->out);
        }
        (void)fputc('\n', t->out);
    }
}

static void print_axis(const struct table *t, const struct chart *chart, size_t columns)
{
    size_t taken = strlen(chart->first) + strlen(chart->last);
    (void)fprintf(t->out, "%*s %s", LABEL_WIDTH, "", chart->first);
    if (columns > taken)
        (void)fprintf(t->out, "%*s%s", (int)(columns - taken), "", chart->last);
    (void)fputc('\n', t->out);
}

void chart_print(const struct table *t, const struct chart *chart)
{
    size_t each = values_a_column(t, chart->count);
    size_t columns = each > 0 ? (chart->count + each - 1) / each : 0;
    double *sums = arena_new_array(t->arena, columns, double), most = 0;
    for (size_t i = 0; i < chart->count; i++)
        sums[i / each] = !chart->largest                     ? sums[i / each] + chart->values[i]
                         : chart->values[i] > sums[i / each] ? chart->values[i]
                                                             : sums[i / each];
    for (size_t i = 0; i < columns; i++)
        most = sums[i] > most ? sums[i] : most;
    if (most <= 0)
        return;
    (void)fputc('\n', t->out);
    put_tone(t->out, &t->terminal, TONE_STRONG, chart->title);
    (void)fputc('\n', t->out);
    print_rows(t, sums, columns, most);
    print_axis(t, chart, columns);
}
