/* The table of routes: whole, without contradictions, and the same as docs/api.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/api/api.h"
#include "domain/audit/chain.h"
#include "domain/migration/plan.h"
#include "domain/migration/progress.h"
#include "infra/config/yaml.h"

#define PAGE_MAX 200000

static const struct api_route *route_of(size_t i)
{
    return api_routes[i].data;
}

static const char *name_of(size_t i, struct arena *arena)
{
    return arena_printf(arena, "%s %s", http_method_names[api_routes[i].method],
                        api_routes[i].pattern);
}

static void every_route_has_a_handler_a_summary_and_goes_through_one_way(void **state)
{
    (void)state;
    assert_true(api_route_count > 0);
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *r = route_of(i);
        assert_non_null(r);
        assert_ptr_equal(api_routes[i].handler, api_handle);
        assert_non_null(r->handler);
        assert_non_null(r->summary);
        assert_true(strlen(r->summary) > 0 && r->summary[strlen(r->summary) - 1] != '.');
    }
}

static void no_two_routes_have_the_same_method_and_pattern(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(api_routes[i].method == api_routes[j].method &&
                         text_eq(api_routes[i].pattern, api_routes[j].pattern));
    }
}

static void what_changes_something_is_for_admins_or_is_usage_and_what_is_open_is_no_secret(
    void **state)
{
    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *r = route_of(i);
        bool of_session = r->handler == api_sign_in || r->handler == api_sign_out;
        if (api_routes[i].method != HTTP_GET || r->transaction == API_WRITE)
            assert_true(r->access == API_ADMIN || r->handler == api_usage_events || of_session);
        assert_true(r->access != API_INGEST || r->handler == api_usage_events);
        if (r->access == API_OPEN)
            assert_true(route_of(i)->handler == api_openapi ||
                        !str_starts_with(str_from(api_routes[i].pattern), STR("/api")));
    }
}

static void only_writing_methods_have_bodies_and_every_field_of_one_has_a_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_body *body = route_of(i)->body;
        if (!body)
            continue;
        assert_int_not_equal(api_routes[i].method, HTTP_GET);
        assert_int_not_equal(api_routes[i].method, HTTP_DELETE);
        size_t fields = 0;
        for (const struct field *f = body->fields; f->name; f++, fields++) {
            assert_true(f->offset < body->size);
            assert_ptr_equal(record_field(body->fields, str_from(f->name)), f); /* no twin */
        }
        assert_true(fields > 0);
    }
}

static void every_route_says_what_it_answers_and_what_its_parameters_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *r = route_of(i);
        assert_non_null(r->answers);
        assert_int_not_equal(r->answers->status, 0);
        for (const struct api_answer *a = r->answers; a->status; a++)
            assert_true(a->status >= 200 && a->status < 400);
        for (const struct field *f = r->query; f && f->name; f++)
            assert_non_null(f->help);
        for (const struct field *f = r->body ? r->body->fields : NULL; f && f->name; f++)
            assert_non_null(f->help);
    }
}

/* What is not shown has no need of any. */
static void every_field_of_moves_plans_and_the_audit_record_is_explained(void **state)
{
    (void)state;
    static const struct field *const tables[] = {
        move_fields,          move_step_fields, move_table_fields,
        move_progress_fields, move_plan_fields, move_plan_table_fields,
        move_obstacle_fields, audit_fields,     audit_finding_fields};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        for (const struct field *f = tables[i]; f->name; f++) {
            bool inside = text_eq(f->name, "cut_told") ||
                          (tables[i] == move_fields && text_eq(f->name, "run"));
            if (!f->help && !inside)
                fail_msg("%s, of table %zu, has no help", f->name, i);
        }
    }
}

static void a_list_takes_both_limit_and_cursor_or_neither(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        bool limit = false, cursor = false;
        for (const struct field *q = route_of(i)->query; q && q->name; q++) {
            limit = limit || text_eq(q->name, "limit");
            cursor = cursor || text_eq(q->name, "cursor");
        }
        assert_int_equal(limit, cursor);
    }
}

/* -- docs/api.md ------------------------------------------------------------------------------ */

#define DOCUMENTED_MAX 200

struct documented {
    const char *items[DOCUMENTED_MAX];
    size_t count;
};

/* The first column of a table's row, "`GET /a?x=`, `POST /b`": what stands between backquotes. */
static void read_row(struct str row, struct arena *arena, struct documented *out)
{
    (void)str_cut(&row, '|');
    struct str cell = str_cut(&row, '|');
    (void)str_cut(&cell, '`');
    while (cell.ptr) {
        struct str path = str_cut(&cell, '`');
        struct str method = str_cut(&path, ' ');
        path = str_cut(&path, '?');
        (void)str_cut(&cell, '`');
        if (enum_from_text(http_method_names, method) < 0)
            continue;
        assert_true(out->count < DOCUMENTED_MAX);
        out->items[out->count++] = arena_printf(arena, "%.*s %.*s", STR_ARG(method), STR_ARG(path));
    }
}

static void read_documented(struct arena *arena, struct documented *out)
{
    struct error e;
    struct str page;
    if (file_read(API_PAGE, PAGE_MAX, arena, &page, &e) != OK)
        fail_msg("%s", e.text);
    *out = (struct documented){0};
    while (page.ptr) {
        struct str line = str_cut(&page, '\n');
        if (str_starts_with(line, STR("| `")))
            read_row(line, arena, out);
    }
}

static bool is_documented(const struct documented *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++) {
        if (text_eq(d->items[i], name))
            return true;
    }
    return false;
}

static void every_route_is_in_the_documentation(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct documented documented;
    read_documented(&arena, &documented);
    for (size_t i = 0; i < api_route_count; i++) {
        if (!is_documented(&documented, name_of(i, &arena)))
            fail_msg("%s is not in docs/api.md", name_of(i, &arena));
    }
}

static bool is_route(const char *name, struct arena *arena)
{
    for (size_t i = 0; i < api_route_count; i++) {
        if (text_eq(name_of(i, arena), name))
            return true;
    }
    return false;
}

static void every_request_in_the_documentation_is_a_route(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct documented documented;
    read_documented(&arena, &documented);
    assert_true(documented.count > 0);
    for (size_t i = 0; i < documented.count; i++) {
        if (!is_route(documented.items[i], &arena))
            fail_msg("%s is in docs/api.md but is no route", documented.items[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_has_a_handler_a_summary_and_goes_through_one_way),
        cmocka_unit_test(no_two_routes_have_the_same_method_and_pattern),
        cmocka_unit_test(
            what_changes_something_is_for_admins_or_is_usage_and_what_is_open_is_no_secret),
        cmocka_unit_test(only_writing_methods_have_bodies_and_every_field_of_one_has_a_place),
        cmocka_unit_test(every_route_says_what_it_answers_and_what_its_parameters_are),
        cmocka_unit_test(every_field_of_moves_plans_and_the_audit_record_is_explained),
        cmocka_unit_test(a_list_takes_both_limit_and_cursor_or_neither),
        cmocka_unit_test(every_route_is_in_the_documentation),
        cmocka_unit_test(every_request_in_the_documentation_is_a_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
