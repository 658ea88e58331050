#include "sandbox/hetzner.h"

#define PER_PAGE_DEFAULT 25
#define PER_PAGE_MAX     50
#define LINK_MAX         8192

static enum err read_number(struct call *c, const char *name, int64_t otherwise,
                            int64_t *ret_number)
{
    const char *text = http_query(c->request, name);
    int64_t number = otherwise;
    if (text && (!str_to_i64(str_from(text), &number) || number < 1 || number > INT32_MAX))
        return call_refuse(c, 422, "invalid_input",
                           "invalid input in field '%s': must be at least 1", name);
    *ret_number = number;
    return OK;
}

enum err hetzner_page_read(struct call *c, struct page *ret_page)
{
    struct page p = {0};
    TRY(read_number(c, "page", 1, &p.number));
    TRY(read_number(c, "per_page", PER_PAGE_DEFAULT, &p.size));
    if (p.size > PER_PAGE_MAX)
        p.size = PER_PAGE_MAX;
    *ret_page = p;
    return OK;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void hetzner_page_cut(struct page *p, size_t total)
{
    p->total = total;
    p->from = smaller((size_t)(p->number - 1) * (size_t)p->size, total);
    p->to = smaller(p->from + (size_t)p->size, total);
}

static void append_encoded(struct buf *b, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("-._~", *p);
        if (plain)
            (void)buf_append_char(b, (char)*p);
        else
            (void)buf_printf(b, "%%%02X", *p);
    }
}

/* The request's own URL with another page. */
static void append_link(struct call *c, struct buf *b, int64_t number, const char *rel)
{
    const struct http_request *r = c->request;
    const char *host = http_header(r, "Host");
    (void)buf_printf(b, "%s<http://%s%s?page=%lld", b->len ? ", " : "", host ? host : "localhost",
                     r->path, (long long)number);
    for (size_t i = 0; i < r->query_count; i++) {
        if (text_eq(r->query[i].name, "page"))
            continue;
        (void)buf_append_char(b, '&');
        append_encoded(b, r->query[i].name);
        (void)buf_append_char(b, '=');
        append_encoded(b, r->query[i].value);
    }
    (void)buf_printf(b, ">; rel=%s", rel);
}

enum err hetzner_page_answer(struct call *c, const struct page *p, const char *key, json_t *items)
{
    int64_t last = p->total ? ((int64_t)p->total + p->size - 1) / p->size : 1;
    json_t *meta = json_packed("{s:I, s:I, s:I, s:I}", "page", (json_int_t)p->number, "per_page",
                               (json_int_t)p->size, "last_page", (json_int_t)last, "total_entries",
                               (json_int_t)p->total);
    bool has_next = p->number<last, has_previous = p->number> 1;
    json_put(meta, "next_page", has_next ? json_integer(p->number + 1) : json_null());
    json_put(meta, "previous_page", has_previous ? json_integer(p->number - 1) : json_null());

    _cleanup_buf_ struct buf link = BUF_INIT(LINK_MAX);
    if (has_previous)
        append_link(c, &link, p->number - 1, "prev");
    if (has_next)
        append_link(c, &link, p->number + 1, "next");
    append_link(c, &link, last, "last");
    if (!buf_is_full(&link))
        c->reply.link = arena_text(c->arena, buf_text(&link));
    return call_answer(c, 200,
                       json_packed("{s:o, s:{s:o}}", key, items, "meta", "pagination", meta));
}

bool hetzner_query_allows(const struct call *c, const char *name, const char *value)
{
    const struct http_request *r = c->request;
    bool asked = false;
    for (size_t i = 0; i < r->query_count; i++) {
        if (!text_eq(r->query[i].name, name))
            continue;
        asked = true;
        if (text_eq(r->query[i].value, value))
            return true;
    }
    return !asked;
}

bool hetzner_is_listed(const struct call *c, int64_t listed_at)
{
    bool is_search = http_query(c->request, "name") || http_query(c->request, "label_selector");
    return !is_search || c->now_us >= listed_at;
}

/* -- lists of JSON objects -------------------------------------------------------------------- */

enum err hetzner_sort_read(struct call *c, const char **ret_column, bool *ret_is_down)
{
    static const char *const columns[] = {"id", "name", "created", NULL};
    const char *wanted = http_query(c->request, "sort");
    struct str direction = str_from(wanted ? wanted : "id");
    int column = enum_from_text(columns, str_cut(&direction, ':'));
    bool is_down = str_eq(direction, STR("desc"));
    if (column < 0 || (direction.ptr && !is_down && !str_eq(direction, STR("asc"))))
        return call_refuse(c, 422, "invalid_input", "invalid input in field 'sort': unknown order");
    *ret_column = columns[column];
    *ret_is_down = is_down;
    return OK;
}

static int by_number(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "id"));
    json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "id"));
    return (x > y) - (x < y);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(json_string_value(json_object_get(*(json_t *const *)a, "name")),
                  json_string_value(json_object_get(*(json_t *const *)b, "name")));
}

enum err hetzner_list_answer(struct call *c, const char *key, json_t *list)
{
    struct page page;
    const char *column;
    bool is_down;
    TRY(hetzner_page_read(c, &page));
    TRY(hetzner_sort_read(c, &column, &is_down));
    size_t count = json_array_size(list);
    json_t **sorted = arena_new_array(c->arena, count + 1, json_t *);
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(list, i);
    /* Numbers are given in order of creation. */
    qsort(sorted, count, sizeof(*sorted), text_eq(column, "name") ? by_text : by_number);
    hetzner_page_cut(&page, count);
    json_t *shown = json_array();
    for (size_t i = page.from; i < page.to; i++)
        json_push(shown, json_incref(sorted[is_down ? count - 1 - i : i]));
    return hetzner_page_answer(c, &page, key, shown);
}
