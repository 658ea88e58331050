/* A YAML text is a document that can be written as JSON, or a problem. */
#include "fuzz.h"

#include "infra/config/yaml.h"

#define WRITTEN_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct yaml_doc *doc = yaml_parse(fuzz_text(data, size), &problems);
    BUG_ON(!doc && problems.count == 0);
    if (doc) {
        _cleanup_buf_ struct buf written = BUF_INIT(WRITTEN_MAX);
        BUG_ON(!yaml_root(doc) || !json_write(yaml_root(doc), 0, &written));
    }
    for (size_t i = 0; i < problems.count; i++)
        BUG_ON(!problems.items[i].text[0]);
    yaml_doc_free(doc);
    return 0;
}
