#include "base/decimal.h"

#include "base/err.h"

#include <inttypes.h>
#include <math.h>

/* Digits and the power of ten that scales them to 1/10000. */
struct scan {
    __int128 digits;
    int exponent;
};

static bool scan_digits(struct str *s, struct scan *out, bool after_point)
{
    size_t n = 0;
    while (n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9') {
        if (out->digits > (__int128)DECIMAL_MAX * 1000000)
            return false;
        out->digits = out->digits * 10 + (s->ptr[n] - '0');
        out->exponent -= after_point ? 1 : 0;
        n++;
    }
    s->ptr += n;
    s->len -= n;
    return n > 0;
}

/* Capped, not refused, when it is far out of range: scale() then says which way. */
static bool scan_exponent(struct str s, int *exponent)
{
    s.ptr++;
    s.len--;
    bool negative = s.len > 0 && s.ptr[0] == '-';
    if (negative || (s.len > 0 && s.ptr[0] == '+')) {
        s.ptr++;
        s.len--;
    }
    int value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (value < 1000)
            value = value * 10 + (s.ptr[i] - '0');
    }
    *exponent += negative ? -value : value;
    return s.len > 0;
}

static enum decimal_error scale(struct scan n, bool negative, decimal *ret_value)
{
    n.exponent += 4;
    for (; n.exponent > 0 && n.digits; n.exponent--) {
        n.digits *= 10;
        if (n.digits > DECIMAL_MAX)
            return DECIMAL_RANGE;
    }
    for (; n.exponent < 0 && n.digits; n.exponent++) {
        if (n.digits % 10)
            return DECIMAL_PLACES;
        n.digits /= 10;
    }
    if (n.digits > DECIMAL_MAX)
        return DECIMAL_RANGE;
    *ret_value = negative ? -(decimal)n.digits : (decimal)n.digits;
    return DECIMAL_OK;
}

enum decimal_error decimal_parse(struct str s, decimal *ret_value)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    if (negative) {
        s.ptr++;
        s.len--;
    }
    struct scan n = {0};
    if (!scan_digits(&s, &n, false))
        return n.digits ? DECIMAL_RANGE : DECIMAL_SYNTAX;
    if (s.len > 0 && s.ptr[0] == '.') {
        s.ptr++;
        s.len--;
        bool digit_follows = s.len > 0 && s.ptr[0] >= '0' && s.ptr[0] <= '9';
        if (!scan_digits(&s, &n, true))
            return digit_follows ? DECIMAL_PLACES : DECIMAL_SYNTAX;
    }
    if (s.len > 0) {
        if ((s.ptr[0] != 'e' && s.ptr[0] != 'E') || !scan_exponent(s, &n.exponent))
            return DECIMAL_SYNTAX;
    }
    return scale(n, negative, ret_value);
}

enum decimal_error decimal_from_double(double d, decimal *ret_value)
{
    if (!isfinite(d) || fabs(d) > (double)DECIMAL_MAX / DECIMAL_ONE)
        return DECIMAL_RANGE;
    /* 15 significant digits survive every decimal -> double -> decimal trip, 17 show any other. */
    char text[64];
    (void)snprintf(text, sizeof(text), "%.15g", d);
    if (strtod(text, NULL) != d)
        return DECIMAL_PLACES;
    return decimal_parse(str_from(text), ret_value);
}

/* Every sentence and every reply has some, and snprintf() would be most of their cost. */
const char *decimal_text(decimal value, char out[DECIMAL_TEXT_MAX])
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    uint64_t whole = magnitude / DECIMAL_ONE, part = magnitude % DECIMAL_ONE;
    char digits[DECIMAL_TEXT_MAX]; /* of the whole part, last one first */
    size_t count = 0, n = 0;
    do {
        digits[count++] = (char)('0' + whole % 10);
        whole /= 10;
    } while (whole > 0);
    if (value < 0)
        out[n++] = '-';
    while (count > 0)
        out[n++] = digits[--count];
    out[n++] = '.';
    do {
        part *= 10;
        out[n++] = (char)('0' + part / DECIMAL_ONE);
        part %= DECIMAL_ONE;
    } while (part > 0);
    out[n] = '\0';
    return out;
}

static decimal divide_rounded(__int128 n, __int128 d)
{
    BUG_ON(d == 0);
    bool negative = (n < 0) != (d < 0);
    n = n < 0 ? -n : n;
    d = d < 0 ? -d : d;
    __int128 q = (n + d / 2) / d;
    BUG_ON(q > DECIMAL_MAX);
    return negative ? -(decimal)q : (decimal)q;
}

decimal decimal_mul(decimal a, decimal b)
{
    return divide_rounded((__int128)a * b, DECIMAL_ONE);
}

decimal decimal_div(decimal a, decimal b)
{
    return divide_rounded((__int128)a * DECIMAL_ONE, b);
}

decimal decimal_round_cents(decimal value)
{
    return divide_rounded(value, 100) * 100;
}
