/* A line of `decide --batch` is answered with one line of JSON: a decision, or what is wrong. */
#include "fuzz.h"

#include "domain/placement/explain.h"

#define REPLY_MAX (4u << 20)
#define LINE      12345

static struct policy *policy;
static struct prices *prices;

__attribute__((destructor)) static void release(void)
{
    policy_free(policy);
    prices_free(prices);
}

static void check_reply(struct str reply)
{
    _cleanup_json_ json_t *object = NULL;
    BUG_ON(reply.len == 0 || memchr(reply.ptr, '\n', reply.len) != reply.ptr + reply.len - 1);
    BUG_ON(json_parse(reply, &object, NULL) != OK || !json_is_object(object));
    if (json_object_get(object, "error"))
        BUG_ON(json_get_int(object, "line") != LINE);
    else
        BUG_ON(!json_get_text(object, "mode") || !json_get_text(object, "reason"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!policy) {
        policy = policy_builtin("default");
        prices = prices_builtin();
    }
    struct str line = fuzz_text(data, size);
    _cleanup_buf_ struct buf reply = BUF_INIT(REPLY_MAX);
    if (memchr(line.ptr, '\n', line.len))
        return 0; /* never part of a line */
    BUG_ON(!decide_batch_line(policy, prices, line, LINE, &reply));
    if (str_trim(line).len > 0)
        check_reply(buf_str(&reply));
    else
        BUG_ON(reply.len != 0);
    return 0;
}
