/*
 * Exact decimals: an int64_t counting 1/10000, for money, scores and thresholds (SPEC "Scoring").
 *
 * Never floating point: on a grid of 38,880 profiles binary fractions choose another mode for 38.
 * INT_ABSENT (record.h) is not a decimal. The range is +-900 trillion.
 */
#ifndef WEBHOST_BASE_DECIMAL_H
#define WEBHOST_BASE_DECIMAL_H

#include "base/str.h"

#define DECIMAL_ONE 10000
#define DECIMAL_MAX (INT64_C(9000000000000000000))

typedef int64_t decimal;

enum decimal_error { DECIMAL_OK, DECIMAL_SYNTAX, DECIMAL_RANGE, DECIMAL_PLACES };

/* Reads "30", "-0.25", "1.5e2". More than four significant decimal places is DECIMAL_PLACES. */
enum decimal_error decimal_parse(struct str s, decimal *ret_value);

/* Exact when the double prints to at most four decimal places, else DECIMAL_PLACES. */
enum decimal_error decimal_from_double(double d, decimal *ret_value);

#define DECIMAL_TEXT_MAX 32

/* The shortest text with at least one decimal place: "0.9", "1.0", "12.3456". Returns `out`. */
const char *decimal_text(decimal value, char out[DECIMAL_TEXT_MAX]);

/* a * b and a / b, rounded half away from zero; stops the process on overflow. */
decimal decimal_mul(decimal a, decimal b);
decimal decimal_div(decimal a, decimal b);

/* Rounded half away from zero to cents: 12.3456 -> 12.35. */
decimal decimal_round_cents(decimal value);

#endif
