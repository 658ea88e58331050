/* What every fuzz target defines: one input; an abort says that something is wrong with it. */
#ifndef WEBHOST_TESTS_FUZZ_FUZZ_H
#define WEBHOST_TESTS_FUZZ_FUZZ_H

#include "base/err.h"
#include "base/str.h"

/* The name and the meaning of the result (0: keep going) are libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct str fuzz_text(const uint8_t *data, size_t size)
{
    return (struct str){(const char *)data, size};
}

#endif
