#include "app/cli/batch.h"

#include "domain/placement/explain.h"

#include <errno.h>

#define READ_SIZE ((size_t)64 << 10)

/* A decision of a policy with every rule and constraint explained stays far below this. */
#define REPLY_MAX ((size_t)4 << 20)

struct batch {
    FILE *out;
    const struct policy *policy;
    const struct prices *prices;
    struct buf pending; /* the beginning of a line whose end was not read yet */
    struct buf reply;
    size_t line;   /* the number of the line being read, from 1 */
    bool too_long; /* the rest of this line is skipped */
};

static void answer(struct batch *b, struct str line)
{
    buf_reset(&b->reply);
    if (b->too_long)
        (void)buf_printf(&b->reply,
                         "{\"error\":\"the line is longer than %zu bytes\",\"line\":%zu}\n",
                         BATCH_LINE_MAX, b->line);
    else
        BUG_ON(!decide_batch_line(b->policy, b->prices, line, b->line, &b->reply));
    (void)fwrite(buf_text(&b->reply), 1, b->reply.len, b->out);
    buf_reset(&b->pending);
    b->too_long = false;
    b->line++;
}

static void keep(struct batch *b, struct str piece)
{
    if (b->too_long || piece.len == 0)
        return;
    if (b->pending.len + piece.len > BATCH_LINE_MAX) {
        b->too_long = true;
        buf_reset(&b->pending);
        return;
    }
    BUG_ON(!buf_append_str(&b->pending, piece));
}

static void take(struct batch *b, struct str bytes)
{
    while (bytes.len > 0) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        struct str piece = {bytes.ptr, end ? (size_t)(end - bytes.ptr) : bytes.len};
        if (!end) {
            keep(b, piece);
            return;
        }
        if (b->pending.len == 0 && !b->too_long) {
            answer(b, piece); /* the common case: the whole line is in this read */
        } else {
            keep(b, piece);
            answer(b, buf_str(&b->pending));
        }
        bytes.ptr += piece.len + 1;
        bytes.len -= piece.len + 1;
    }
}

static enum err run(struct batch *b, int in, char *bytes, struct error *e)
{
    for (;;) {
        if (fflush(b->out) != 0 || ferror(b->out))
            return error_errno(e, "cannot write the decisions");
        ssize_t n = read(in, bytes, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(e, "cannot read the profiles");
        if (n == 0)
            break;
        take(b, (struct str){bytes, (size_t)n});
    }
    if (b->pending.len > 0 || b->too_long)
        answer(b, buf_str(&b->pending));
    if (fflush(b->out) != 0 || ferror(b->out))
        return error_errno(e, "cannot write the decisions");
    return OK;
}

enum err batch_run(int in, FILE *out, const struct policy *policy, const struct prices *prices,
                   struct error *e)
{
    struct batch b = {
        .out = out,
        .policy = policy,
        .prices = prices,
        .pending = BUF_INIT(BATCH_LINE_MAX),
        .reply = BUF_INIT(REPLY_MAX),
        .line = 1,
    };
    _cleanup_arena_ struct arena arena = {0};
    enum err code = run(&b, in, arena_alloc(&arena, READ_SIZE), e);
    buf_release(&b.pending);
    buf_release(&b.reply);
    return code;
}
