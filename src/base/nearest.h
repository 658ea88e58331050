/*
 * "Did you mean ...?": the known word that a mistyped one is closest to.
 */
#ifndef WEBHOST_BASE_NEAREST_H
#define WEBHOST_BASE_NEAREST_H

#include "base/str.h"

/*
 * How many single-character insertions, removals, replacements and swaps of neighbours turn `a`
 * into `b` (optimal string alignment). Words longer than 64 bytes are SIZE_MAX apart.
 */
size_t edit_distance(struct str a, struct str b);

/*
 * Feeds candidates one by one; `best` stays empty while none is close enough to be what was meant:
 * one edit and one more for every six letters apart, or the word is the candidate's beginning.
 */
struct nearest {
    struct str word;
    struct str best;
    size_t distance;
};

#define NEAREST_INIT(given) ((struct nearest){.word = (given), .distance = SIZE_MAX})

void nearest_offer(struct nearest *n, struct str candidate);

#endif
