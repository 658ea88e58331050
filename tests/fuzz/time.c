/* What is read as a time prints as a text that is read as the same time. */
#include "fuzz.h"

#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t time = 7, again, duration = 7;
    char text[TIME_TEXT_MAX];
    if (time_parse(fuzz_text(data, size), &time)) {
        (void)time_text(time, text);
        BUG_ON(!time_parse(str_from(text), &again) || again != time);
    } else {
        BUG_ON(time != 7);
    }
    if (duration_parse(fuzz_text(data, size), &duration))
        BUG_ON(duration < 0);
    else
        BUG_ON(duration != 7);
    return 0;
}
