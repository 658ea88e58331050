#include "base/nearest.h"

#define WORD_MAX 64

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t edit_distance(struct str a, struct str b)
{
    if (a.len > WORD_MAX || b.len > WORD_MAX)
        return SIZE_MAX;
    size_t rows[3][WORD_MAX + 1]; /* two rows above the current one: a swap looks that far back */
    size_t *above2 = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *oldest = above2;
        above2 = above;
        above = row;
        row = oldest;
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.ptr[i - 1] == b.ptr[j - 1];
            row[j] = min2(above[j - 1] + !same, min2(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = min2(row[j], above2[j - 2] + 1);
        }
    }
    return row[b.len];
}

void nearest_offer(struct nearest *n, struct str candidate)
{
    size_t distance = edit_distance(n->word, candidate);
    bool close = n->word.len >= 2 && distance <= 1 + n->word.len / 6;
    bool beginning = n->word.len >= 2 && str_starts_with(candidate, n->word);
    if ((close || beginning) && distance < n->distance) {
        n->best = candidate;
        n->distance = distance;
    }
}
