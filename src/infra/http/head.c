#include "infra/http/head.h"

#include "base/err.h"

#include <strings.h>

/*
 * The parser of 0.9.75 works in place: it writes NUL over the end of each element and of each line
 * (two for CR LF, one for a bare LF) and hands out pointers into what it received. So the bytes
 * between the method and the end of the head still show how each line ended. Walking over them,
 * element by element, must arrive exactly at the end; a NUL sent inside a line, a bare LF, a folded
 * line or a second space in the request line all leave a gap.
 */
struct walk {
    const char *at;  /* where the next element must start */
    const char *end; /* one past the head */
    bool exact;
};

/* Expects `text` of `len` bytes at the current place with `nuls` NULs behind it. */
static void walk_over(struct walk *w, const char *text, size_t len, size_t nuls)
{
    size_t left = (size_t)(w->end - w->at);
    if (!w->exact || text != w->at || len > left || nuls > left - len) {
        w->exact = false;
        return;
    }
    for (size_t i = 0; i < nuls; i++)
        w->exact = w->exact && text[len + i] == '\0';
    w->at += len + nuls;
}

static void walk_over_blanks(struct walk *w, const char *until)
{
    while (w->exact && w->at < w->end && w->at != until && (*w->at == ' ' || *w->at == '\t'))
        w->at++;
}

struct collect {
    struct walk walk;
    struct arena *arena;
    struct http_pair *pairs;
    size_t count;
    bool well_formed;
};

/* RFC 9110, 5.6.2 */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.len > 0;
}

static bool is_field_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static enum MHD_Result collect_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                      size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct collect *c = cls;
    walk_over(&c->walk, name, name_len, 1);
    walk_over_blanks(&c->walk, value);
    walk_over(&c->walk, value, value_len, 2);

    struct str text = {value, value_len};
    if (!is_token((struct str){name, name_len}) || !is_field_value(text)) {
        c->well_formed = false;
        return MHD_NO;
    }
    text = str_trim(text);
    c->pairs[c->count++] = (struct http_pair){arena_text_n(c->arena, name, name_len),
                                              arena_text_n(c->arena, text.ptr, text.len)};
    return MHD_YES;
}

static size_t count_of(const struct http_request *r, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < r->header_count; i++)
        n += strcasecmp(r->headers[i].name, name) == 0 ? 1 : 0;
    return n;
}

/* RFC 9112, 6.3: what leaves two readings of where the body ends. */
static const char *framing_problem(const struct http_request *r, const char *version,
                                   uint64_t *ret_length)
{
    size_t lengths = count_of(r, "Content-Length");
    size_t codings = count_of(r, "Transfer-Encoding");
    if (lengths > 1)
        return "the request has more than one Content-Length";
    if (lengths && codings)
        return "the request has both Content-Length and Transfer-Encoding";
    if (codings && (codings > 1 || strcasecmp(http_header(r, "Transfer-Encoding"), "chunked") != 0))
        return "the only Transfer-Encoding understood here is chunked";
    if (codings && !text_eq(version, "HTTP/1.1"))
        return "Transfer-Encoding needs HTTP/1.1";
    size_t hosts = count_of(r, "Host");
    if (hosts > 1 || (hosts == 0 && text_eq(version, "HTTP/1.1")))
        return "the request must have one Host";

    int64_t length = 0;
    if (lengths && (!str_to_i64(str_from(http_header(r, "Content-Length")), &length) || length < 0))
        return "the Content-Length is not a number";
    *ret_length = codings ? HTTP_LENGTH_CHUNKED : (uint64_t)length;
    return NULL;
}

bool http_parser_is_0_9_75(void)
{
    return strncmp(MHD_get_version(), "0.9.75", sizeof("0.9.75") - 1) == 0;
}

static struct http_head_fault fault(int status, const char *detail)
{
    return (struct http_head_fault){status, detail};
}

struct http_head_fault http_head_read(struct MHD_Connection *connection,
                                      const struct http_head *head, struct http_request *r,
                                      uint64_t *ret_length)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    int fields = MHD_get_connection_values_n(connection, MHD_HEADER_KIND, NULL, NULL);
    BUG_ON(!size || fields < 0);
    if (head->target_len == 0)
        return fault(400, "the request line has no target");
    if (head->target_len > HTTP_TARGET_MAX)
        return fault(414, "the request target is longer than 8192 bytes");
    if (size->header_size > HTTP_HEAD_MAX || fields > HTTP_HEAD_FIELDS_MAX)
        return fault(431, "the request has more than 100 headers or 32768 bytes of them");

    struct collect c = {
        .walk = {head->method, head->method + size->header_size, true},
        .arena = r->arena,
        .pairs = arena_new_array(r->arena, (size_t)fields, struct http_pair),
        .well_formed = true,
    };
    walk_over(&c.walk, head->method, strlen(head->method), 1);
    walk_over(&c.walk, head->target, head->target_len, 1);
    walk_over(&c.walk, head->version, strlen(head->version), 2);
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, collect_header, &c);
    walk_over(&c.walk, c.walk.at, 0, 2);
    if (!c.well_formed)
        return fault(400, "a header has a malformed name or a control character in its value");
    if (http_parser_is_0_9_75() && (!c.walk.exact || c.walk.at != c.walk.end))
        return fault(400, "every line of the request's head must end in CR LF and hold no NUL");
    r->headers = c.pairs;
    r->header_count = c.count;
    const char *problem = framing_problem(r, head->version, ret_length);
    return problem ? fault(400, problem) : fault(0, NULL);
}
