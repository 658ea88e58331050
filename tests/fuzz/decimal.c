/* What is read as a decimal prints as a text that is read as the same decimal. */
#include "fuzz.h"

#include "base/decimal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decimal value = 7, again;
    char text[DECIMAL_TEXT_MAX];
    if (decimal_parse(fuzz_text(data, size), &value) != DECIMAL_OK) {
        BUG_ON(value != 7);
        return 0;
    }
    BUG_ON(value > DECIMAL_MAX || value < -DECIMAL_MAX);
    (void)decimal_text(value, text);
    BUG_ON(decimal_parse(str_from(text), &again) != DECIMAL_OK || again != value);
    return 0;
}
