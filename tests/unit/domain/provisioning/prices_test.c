/* What Hetzner asks is read as it is written, and is what decisions count with from then on. */
#include "clouds.h"
#include "domain/provisioning/cloud.h"
#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/hetzner/pricing.h"
#include "domain/provisioning/prices.h"

struct rig {
    struct clouds *c;
    struct price_book book;
    struct price_refresh refresh;
};

static void rig_open(struct rig *r, void **state)
{
    struct clouds *c = *state;
    r->c = c;
    price_book_open(&r->book, &c->p.env, &c->settings, c->p.prices);
    r->refresh = (struct price_refresh){&c->provisioning, &r->book};
}

static void refresh_ok(struct rig *r)
{
    ASSERT_OK(&r->c->p, price_refresh(&r->refresh, &r->c->p.arena, &r->c->p.e));
}

static struct slot_price in_ashburn(struct rig *r)
{
    struct product *p = &r->c->p;
    struct records list;
    product_begin(p);
    ASSERT_OK(p, price_book_list(&r->book, p->tx, &p->arena, &list, &p->e));
    product_rollback(p);
    assert_int_equal(list.count, GEOGRAPHY_COUNT);
    const struct slot_price *prices = list.items;
    assert_string_equal(prices[GEOGRAPHY_US].location, "ash");
    assert_string_equal(prices[GEOGRAPHY_US].server_type, "cpx31");
    return prices[GEOGRAPHY_US];
}

static const struct prices *prices_now(struct rig *r, struct price_book *book)
{
    struct product *p = &r->c->p;
    const struct prices *prices;
    product_begin(p);
    ASSERT_OK(p, price_book_now(book, p->tx, &p->arena, &prices, &p->e));
    product_rollback(p);
    return prices;
}

/* A decision for the smallest customer in the United States. */
static const char *estimate(struct rig *r, struct price_book *book)
{
    static const struct decide_context nothing = {0};
    struct product *p = &r->c->p;
    struct profile profile;
    struct decision decision;
    struct str text = str_from("{\"budget\":30,\"vehicle_count\":0}");
    ASSERT_OK(p, profile_parse(text, &profile, &p->e));
    decide(p->policy, &profile, &nothing, &decision);
    const struct decided decided = {p->policy, prices_now(r, book), &profile, &nothing, &decision};
    _cleanup_json_ json_t *shown = decision_json(&decided);
    return json_text(json_object_get(shown, "estimated_monthly_cost"), &p->arena);
}

static void set_price(struct rig *r, const char *text)
{
    clouds_set(r->c,
               arena_printf(&r->c->p.arena, "{\"prices\":{\"cpx31\":{\"ash\":\"%s\"}}}", text));
}

/* -- reading ---------------------------------------------------------------------------------- */

static void a_month_is_read_net_and_exactly_with_its_currency(void **state)
{
    struct rig r = {.c = *state};
    struct hcloud_pricing pricing;
    struct cloud cloud;
    set_price(&r, "70.1234000000000000");
    cloud_open(&cloud, &r.c->provisioning, &hcloud_dialect, NULL, NULL);
    ASSERT_OK(&r.c->p, hcloud_pricing_get(&cloud, &r.c->p.arena, &pricing, &r.c->p.e));
    cloud_close(&cloud);
    assert_string_equal(pricing.currency, "EUR");
    size_t seen = 0;
    for (size_t i = 0; i < pricing.count; i++) {
        const struct hcloud_price *p = &pricing.prices[i];
        if (text_eq(p->server_type, "cpx31") && text_eq(p->location, "ash"))
            assert_int_equal(p->month_net, 701234);
        else if (text_eq(p->server_type, "cpx31") && text_eq(p->location, "hil"))
            assert_int_equal(p->month_net, 624900);
        else if (text_eq(p->server_type, "cpx22") && text_eq(p->location, "sin"))
            assert_int_equal(p->month_net, 264900);
        else
            continue;
        seen++;
    }
    assert_int_equal(seen, 3);
}

static void without_a_reading_the_files_prices_hold(void **state)
{
    struct rig r;
    rig_open(&r, state);
    struct slot_price at = in_ashburn(&r);
    assert_int_equal(at.source, PRICE_FILE);
    assert_int_equal(at.host_month, 624900);
    assert_int_equal(at.slots, 20);
    assert_int_equal(at.read_at, INT_ABSENT);
    assert_false(at.stale);
    price_book_close(&r.book);
}

static void a_slot_is_the_clouds_price_in_usd_through_the_hosts_slots(void **state)
{
    struct rig r;
    rig_open(&r, state);
    set_price(&r, "80.00");
    refresh_ok(&r);
    struct slot_price at = in_ashburn(&r);
    assert_int_equal(at.source, PRICE_CLOUD);
    assert_string_equal(at.currency, "EUR");
    assert_int_equal(at.host_month, 800000);
    assert_int_equal(at.slots, 40);
    assert_int_equal(at.slot_month_usd, 23000); /* 80 * 1.15 / 40 */
    assert_int_equal(at.read_at, clock_now(&r.c->p.clock.clock));
    price_book_close(&r.book);
}

static void a_decisions_estimate_follows_the_clouds_price(void **state)
{
    struct rig r;
    rig_open(&r, state);
    assert_string_equal(estimate(&r, &r.book), "3.69"); /* (62.99 / 20 + 0.0572) * 1.15 */
    const struct prices *held = prices_now(&r, &r.book);
    set_price(&r, "80.00");
    refresh_ok(&r);
    assert_string_equal(estimate(&r, &r.book), "2.38"); /* (80.50 / 40 + 0.0572) * 1.15 */
    set_price(&r, "160.00");
    refresh_ok(&r);
    assert_string_equal(estimate(&r, &r.book), "4.68"); /* (160.50 / 40 + 0.0572) * 1.15 */
    /* Who decides with older prices keeps them to the end. */
    assert_int_equal(held->multi_tenant.host_month_eur[GEOGRAPHY_US], 624900);
    price_book_close(&r.book);
}

static void another_node_sees_the_new_prices_within_a_minute(void **state)
{
    struct rig r;
    struct price_book other;
    rig_open(&r, state);
    price_book_open(&other, &r.c->p.env, &r.c->settings, r.c->p.prices);
    assert_string_equal(estimate(&r, &other), "3.69");
    set_price(&r, "80.00");
    refresh_ok(&r);
    assert_string_equal(estimate(&r, &other), "3.69");
    clock_virtual_advance(&r.c->p.clock, PRICES_KEEP_US);
    assert_string_equal(estimate(&r, &other), "2.38");
    price_book_close(&other);
    price_book_close(&r.book);
}

static void a_price_that_was_not_read_for_long_gives_way_to_the_files(void **state)
{
    struct rig r;
    rig_open(&r, state);
    set_price(&r, "80.00");
    refresh_ok(&r);
    clock_virtual_advance(&r.c->p.clock, PRICES_FRESH_US);
    assert_int_equal(in_ashburn(&r).source, PRICE_CLOUD);
    clock_virtual_advance(&r.c->p.clock, 1);
    struct slot_price at = in_ashburn(&r);
    assert_int_equal(at.source, PRICE_FILE);
    assert_true(at.stale);
    assert_int_not_equal(at.read_at, INT_ABSENT);
    assert_string_equal(estimate(&r, &r.book), "3.69");
    refresh_ok(&r);
    assert_string_equal(estimate(&r, &r.book), "2.38");
    price_book_close(&r.book);
}

/* -- what goes wrong -------------------------------------------------------------------------- */

static void a_reply_that_cannot_be_read_exactly_keeps_the_old_prices(void **state)
{
    static const char *const broken[] = {"many",     "",      "-1.00",    "0.00",
                                         "80.12345", "1e300", "100000.01"};
    struct rig r;
    rig_open(&r, state);
    set_price(&r, "80.00");
    refresh_ok(&r);
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        set_price(&r, broken[i]);
        clock_virtual_advance(&r.c->p.clock, USEC_PER_SEC);
        assert_int_equal(price_refresh(&r.refresh, &r.c->p.arena, &r.c->p.e), ERR_CORRUPT);
        assert_non_null(strstr(r.c->p.e.text, "cpx31 in ash"));
        assert_int_equal(in_ashburn(&r).host_month, 800000);
        assert_string_equal(estimate(&r, &r.book), "2.38");
    }
    price_book_close(&r.book);
}

static void replace_list(struct rig *r, const char *body)
{
    clouds_no_faults(r->c);
    clouds_fault(r->c, arena_printf(&r->c->p.arena,
                                    "[{\"match\":{\"path_prefix\":\"/v1/pricing\"},"
                                    "\"effect\":{\"status\":200,\"body\":%s}}]",
                                    body));
}

static void half_a_list_or_one_in_another_currency_keeps_the_old_prices(void **state)
{
    static const char good[] = "{\"location\":\"ash\",\"price_monthly\":{\"net\":\"1.0\"}}";
    struct rig r;
    rig_open(&r, state);
    struct product *p = &r.c->p;
    const struct {
        const char *body;
        enum err err;
    } replies[] = {
        {"{}", ERR_CORRUPT},
        {"{\"pricing\":{\"currency\":\"EUR\",\"server_types\":[]}}", ERR_CORRUPT},
        {arena_printf(&p->arena,
                      "{\"pricing\":{\"currency\":\"EUR\",\"server_types\":[{\"name\":\"cpx31\","
                      "\"prices\":[%s,{\"location\":\"hil\"}]}]}}",
                      good),
         ERR_CORRUPT},
        {arena_printf(&p->arena,
                      "{\"pricing\":{\"currency\":\"USD\",\"server_types\":[{\"name\":\"cpx31\","
                      "\"prices\":[%s]}]}}",
                      good),
         ERR_INVALID},
    };
    refresh_ok(&r);
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        replace_list(&r, replies[i].body);
        assert_int_equal(price_refresh(&r.refresh, &p->arena, &p->e), replies[i].err);
        assert_int_equal(in_ashburn(&r).source, PRICE_CLOUD);
        assert_int_equal(in_ashburn(&r).host_month, 624900);
    }
    price_book_close(&r.book);
}

static void what_is_no_longer_sold_gives_way_to_the_files_price(void **state)
{
    struct rig r;
    rig_open(&r, state);
    refresh_ok(&r);
    clock_virtual_advance(&r.c->p.clock, USEC_PER_SEC);
    replace_list(&r,
                 "{\"pricing\":{\"currency\":\"EUR\",\"server_types\":[{\"name\":\"cpx32\","
                 "\"prices\":[{\"location\":\"fsn1\",\"price_monthly\":{\"net\":\"1.0\"}}]}]}}");
    refresh_ok(&r);
    assert_int_equal(in_ashburn(&r).source, PRICE_FILE);
    price_book_close(&r.book);
}

static void the_worker_tries_again_when_the_cloud_fails(void **state)
{
    struct rig r;
    rig_open(&r, state);
    refresh_ok(&r);
    clouds_fault(r.c, "[{\"match\":{\"path_prefix\":\"/v1/pricing\"},"
                      "\"effect\":{\"kind\":\"server_error\"}}]");
    struct job_worker worker = price_worker(&r.refresh);
    struct job_run run = {.env = &r.c->p.env, .arena = &r.c->p.arena, .ctx = worker.ctx};
    assert_int_equal(worker.perform(&run, &r.c->p.e), JOB_RETRY);
    assert_int_equal(in_ashburn(&r).source, PRICE_CLOUD);
    clouds_no_faults(r.c);
    assert_int_equal(worker.perform(&run, &r.c->p.e), JOB_DONE);
    price_book_close(&r.book);
}

static void without_a_token_nobody_is_asked(void **state)
{
    struct rig r;
    rig_open(&r, state);
    r.c->provisioning.hetzner_token = NULL;
    assert_int_equal(price_refresh(&r.refresh, &r.c->p.arena, &r.c->p.e), ERR_INVALID);
    assert_non_null(strstr(r.c->p.e.text, "HCLOUD_TOKEN"));
    price_book_close(&r.book);
}

/* -- starting --------------------------------------------------------------------------------- */

static size_t jobs(struct rig *r)
{
    struct product *p = &r->c->p;
    const struct job_filter filter = {.state = -1, .worker = "RefreshPricesWorker"};
    struct records list;
    int64_t next;
    product_begin(p);
    ASSERT_OK(p, job_list(p->tx, &filter, INT_ABSENT, 10, &p->arena, &list, &next, &p->e));
    product_rollback(p);
    return list.count;
}

static void the_first_start_reads_the_prices_and_no_later_one(void **state)
{
    struct rig r;
    rig_open(&r, state);
    ASSERT_OK(&r.c->p, price_refresh_first(&r.refresh, &r.c->p.e));
    ASSERT_OK(&r.c->p, price_refresh_first(&r.refresh, &r.c->p.e)); /* another node */
    assert_int_equal(jobs(&r), 1);
    price_book_close(&r.book);
}

static void a_start_with_prices_enqueues_nothing(void **state)
{
    struct rig r;
    rig_open(&r, state);
    refresh_ok(&r);
    ASSERT_OK(&r.c->p, price_refresh_first(&r.refresh, &r.c->p.e));
    assert_int_equal(jobs(&r), 0);
    price_book_close(&r.book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(a_month_is_read_net_and_exactly_with_its_currency),
        CLOUDS_TEST(without_a_reading_the_files_prices_hold),
        CLOUDS_TEST(a_slot_is_the_clouds_price_in_usd_through_the_hosts_slots),
        CLOUDS_TEST(a_decisions_estimate_follows_the_clouds_price),
        CLOUDS_TEST(another_node_sees_the_new_prices_within_a_minute),
        CLOUDS_TEST(a_price_that_was_not_read_for_long_gives_way_to_the_files),
        CLOUDS_TEST(a_reply_that_cannot_be_read_exactly_keeps_the_old_prices),
        CLOUDS_TEST(half_a_list_or_one_in_another_currency_keeps_the_old_prices),
        CLOUDS_TEST(what_is_no_longer_sold_gives_way_to_the_files_price),
        CLOUDS_TEST(the_worker_tries_again_when_the_cloud_fails),
        CLOUDS_TEST(without_a_token_nobody_is_asked),
        CLOUDS_TEST(the_first_start_reads_the_prices_and_no_later_one),
        CLOUDS_TEST(a_start_with_prices_enqueues_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
