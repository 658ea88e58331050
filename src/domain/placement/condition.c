#include "domain/placement/condition.h"

const char *const factor_names[] = {
    [FACTOR_BUDGET] = "budget",
    [FACTOR_VEHICLES] = "vehicle_count",
    [FACTOR_COMPLIANCE] = "compliance_requirements",
    [FACTOR_LATENCY] = "latency_requirement",
    [FACTOR_REGIONS] = "geographic_distribution",
    [FACTOR_PEAK_USERS] = "peak_concurrent_users",
    [FACTOR_COUNT] = NULL,
};

#define WORD_IN_LIST(id, name) " " name

static const char *parse_words(struct str text, struct condition *ret_condition)
{
    struct condition c = CONDITION_ALWAYS;
    if (str_eq(text, STR("any"))) {
        c.words = WORDS_ANY;
    } else if (str_eq(text, STR("none"))) {
        c.words = WORD_NONE;
    } else {
        if (!str_starts_with(text, STR("has ")))
            return "must be `any`, `none`, or `has` and a compliance requirement";
        struct str word = {text.ptr + 4, text.len - 4};
        int bit = enum_from_text(compliance_names, str_trim(word));
        if (bit < 0)
            return "must name one of these after `has`:" COMPLIANCE_WORDS(WORD_IN_LIST);
        c.words = UINT32_C(1) << bit;
    }
    *ret_condition = c;
    return NULL;
}

/* The number of a comparison, in the unit that the factor's values have. */
static const char *parse_number(enum factor factor, struct str text, int64_t *ret_number)
{
    bool whole = factor != FACTOR_BUDGET && factor != FACTOR_LATENCY;
    int64_t number;
    if (whole ? !str_to_i64(text, &number) : decimal_parse(text, &number) != DECIMAL_OK)
        return whole ? "must be `any` or a comparison with a whole number, such as \"<= 5\""
                     : "must be `any` or a comparison with a number, such as \"< 50\"";
    int64_t most = whole ? PROFILE_VALUE_MAX : PROFILE_VALUE_MAX * DECIMAL_ONE;
    if (number < 0 || number > most)
        return "must compare with a number from 0 to 1000000000";
    *ret_number = number;
    return NULL;
}

/* Removes the operator from the front of `*text`; false when there is none. */
static bool take_operator(struct str *text, const char **ret_operator)
{
    static const char *const operators[] = {"<=", ">=", "==", "<", ">"}; /* longest first */
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        struct str op = str_from(operators[i]);
        if (str_starts_with(*text, op)) {
            *ret_operator = operators[i];
            *text = str_trim((struct str){text->ptr + op.len, text->len - op.len});
            return true;
        }
    }
    return false;
}

static const char *parse_range(enum factor factor, struct str text, struct condition *ret_condition)
{
    /* A profile without regions has 0 of them, which is "unknown" and must match nothing. */
    bool regions = factor == FACTOR_REGIONS;
    struct condition c = CONDITION_ALWAYS;
    c.low = regions ? 1 : 0;
    c.high = regions ? GEOGRAPHY_COUNT : INT64_MAX;
    if (!str_eq(text, STR("any"))) {
        const char *op = "";
        int64_t low = INT64_MIN, high = INT64_MAX, number;
        bool compares = take_operator(&text, &op);
        const char *why = parse_number(factor, compares ? text : STR(""), &number);
        if (why)
            return why;
        if (op[0] == '<')
            high = number - (op[1] != '=');
        else if (op[0] == '>')
            low = number + (op[1] != '=');
        else
            low = high = number;
        c.low = low > c.low ? low : c.low;
        c.high = high < c.high ? high : c.high;
    }
    if (c.low > c.high)
        return regions ? "can never match: there are 1 to 3 regions" : "can never match";
    *ret_condition = c;
    return NULL;
}

const char *condition_parse(enum factor factor, const char *text, struct condition *ret_condition)
{
    struct str trimmed = str_trim(str_from(text));
    return factor == FACTOR_COMPLIANCE ? parse_words(trimmed, ret_condition)
                                       : parse_range(factor, trimmed, ret_condition);
}

static bool words_are_covered(const struct condition *all, size_t index)
{
    uint32_t left = all[index].words;
    for (size_t i = 0; i < index; i++)
        left &= ~all[i].words;
    return left == 0;
}

bool condition_is_covered(enum factor factor, const struct condition *all, size_t index)
{
    if (factor == FACTOR_COMPLIANCE)
        return words_are_covered(all, index);
    /*
     * Cut what earlier ranges cover from both ends until nothing can be cut. A range that lies
     * strictly inside stays, and it alone cannot cover what is left; so it is enough.
     */
    int64_t low = all[index].low, high = all[index].high;
    bool cut = true;
    while (cut && low <= high) {
        cut = false;
        for (size_t i = 0; i < index && low <= high; i++) {
            const struct condition *c = &all[i];
            if (c->low <= low && c->high >= low) {
                if (c->high >= high)
                    return true;
                low = c->high + 1;
                cut = true;
            } else if (c->low <= high && c->high >= high) {
                high = c->low - 1;
                cut = true;
            }
        }
    }
    return low > high;
}
