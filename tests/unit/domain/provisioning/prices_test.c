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
    assert_string_equal(prices[GEOGRAPHY_US].shared.location, "ash");
    assert_string_equal(prices[GEOGRAPHY_US].shared.server_type, "cpx31");
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
    const struct {
        enum hcloud_sold kind;
        const char *item, *location;
        decimal month_net;
    } expected[] = {
        {HCLOUD_SERVER, "cpx31", "ash", 701234},   {HCLOUD_SERVER, "cpx31", "hil", 624900},
        {HCLOUD_SERVER, "cpx22", "sin", 264900},   {HCLOUD_PRIMARY_IP, "ipv4", "ash", 5000},
        {HCLOUD_PRIMARY_IP, "ipv4", "fsn1", 5000}, {HCLOUD_VOLUME_GB, "", "", 572},
    };
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        const struct hcloud_price *p =
            hcloud_price_of(&pricing, expected[i].kind, expected[i].item, expected[i].location);
        assert_non_null(p);
        assert_int_equal(p->month_net, expected[i].month_net);
    }
    assert_null(hcloud_price_of(&pricing, HCLOUD_SERVER, "cpx31", "mars"));
}

static void without_a_reading_the_files_prices_hold(void **state)
{
    struct rig r;
    rig_open(&r, state);
    struct slot_price at = in_ashburn(&r);
    assert_int_equal(at.source, PRICE_FILE);
    assert_int_equal(at.shared.host_month_eur, 624900);
    assert_int_equal(at.shared.read_at, INT_ABSENT);
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
    assert_int_equal(at.shared.host_month_eur, 800000);
    assert_int_equal(at.shared.slots, 40);
    assert_int_equal(at.slot_month_usd, 23144); /* (80 + 0.50) / 40 * 1.15 */
    assert_int_equal(at.shared.read_at, clock_now(&r.c->p.clock.clock));
    price_book_close(&r.book);
}

static void a_slot_is_the_same_share_wherever_the_prices_are_from(void **state)
{
    struct rig r;
    rig_open(&r, state);
    r.c->settings.hetzner.slots_per_host = 8;
    assert_int_equal(in_ashburn(&r).shared.slots, 8);
    assert_string_equal(estimate(&r, &r.book), "9.12"); /* (62.99 / 8 + 0.0572) * 1.15 */
    refresh_ok(&r);
    assert_int_equal(in_ashburn(&r).shared.slots, 8);
    assert_string_equal(estimate(&r, &r.book), "9.12");
    price_book_close(&r.book);
}

static void where_nothing_is_ordered_the_file_says_how_many_share(void **state)
{
    struct rig r;
    rig_open(&r, state);
    r.c->settings.hetzner.slots_per_host = 8;
    r.c->settings.hetzner.server_types.count = 0;
    refresh_ok(&r);
    struct shared_price at = prices_shared(prices_now(&r, &r.book), GEOGRAPHY_US);
    assert_null(at.server_type);
    assert_int_equal(at.slots, r.c->p.prices->multi_tenant.customers_per_host);
    assert_int_equal(at.read_at, INT_ABSENT);
    price_book_close(&r.book);
}

static void a_default_server_and_the_table_in_the_binary_count_the_same_slots(void **state)
{
    struct clouds *c = *state;
    assert_int_equal(c->p.prices->multi_tenant.customers_per_host,
                     provisioning_settings_default().hetzner.slots_per_host);
}

static void a_decisions_estimate_follows_the_clouds_price(void **state)
{
    struct rig r;
    rig_open(&r, state);
    assert_string_equal(estimate(&r, &r.book), "1.88"); /* (62.99 / 40 + 0.0572) * 1.15 */
    const struct prices *held = prices_now(&r, &r.book);
    set_price(&r, "80.00");
    refresh_ok(&r);
    assert_string_equal(estimate(&r, &r.book), "2.38"); /* (80.50 / 40 + 0.0572) * 1.15 */
    set_price(&r, "160.00");
    refresh_ok(&r);
    assert_string_equal(estimate(&r, &r.book), "4.68"); /* (160.50 / 40 + 0.0572) * 1.15 */
    /* Who decides with older prices keeps them to the end. */
    assert_int_equal(prices_shared(held, GEOGRAPHY_US).host_month_eur, 624900);
    price_book_close(&r.book);
}

static void another_node_sees_the_new_prices_within_a_minute(void **state)
{
    struct rig r;
    struct price_book other;
    rig_open(&r, state);
    price_book_open(&other, &r.c->p.env, &r.c->settings, r.c->p.prices);
    assert_string_equal(estimate(&r, &other), "1.88");
    set_price(&r, "80.00");
    refresh_ok(&r);
    assert_string_equal(estimate(&r, &other), "1.88");
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
    assert_int_not_equal(at.shared.read_at, INT_ABSENT);
    assert_string_equal(estimate(&r, &r.book), "1.88");
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
        assert_int_equal(in_ashburn(&r).shared.host_month_eur, 800000);
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

/* A list with the servers' prices given, and all else as it should be. */
static const char *list_of(struct rig *r, const char *currency, const char *servers)
{
    return arena_printf(
        &r->c->p.arena,
        "{\"pricing\":{\"currency\":\"%s\",\"server_types\":[%s],\"primary_ips\":[{\"type\":"
        "\"ipv4\",\"prices\":[{\"location\":\"ash\",\"price_monthly\":{\"net\":\"0.7\"}}]}],"
        "\"volume\":{\"price_per_gb_month\":{\"net\":\"0.06\"}}}}",
        currency, servers);
}

#define IN(location) "{\"location\":\"" location "\",\"price_monthly\":{\"net\":\"1.0\"}}"

static void the_address_and_the_storage_are_the_clouds_too(void **state)
{
    struct rig r;
    rig_open(&r, state);
    replace_list(&r, list_of(&r, "EUR", "{\"name\":\"cpx31\",\"prices\":[" IN("ash") "]}"));
    refresh_ok(&r);
    struct slot_price at = in_ashburn(&r);
    assert_int_equal(at.source, PRICE_CLOUD);
    assert_int_equal(at.shared.host_month_eur, 10000);
    assert_int_equal(at.shared.ipv4_month_eur, 7000);
    assert_int_equal(at.shared.volume_gb_month_eur, 600);
    assert_string_equal(estimate(&r, &r.book), "0.12"); /* (1.70 / 40 + 0.06) * 1.15 */
    price_book_close(&r.book);
}

static void half_a_list_or_one_in_another_currency_keeps_the_old_prices(void **state)
{
    static const char no_addresses[] =
        "{\"pricing\":{\"currency\":\"EUR\",\"server_types\":[{\"name\":\"cpx31\",\"prices\":[" IN(
            "ash") "]}],\"volume\":{\"price_per_gb_month\":{\"net\":\"0.06\"}}}}";
    struct rig r;
    rig_open(&r, state);
    struct product *p = &r.c->p;
    const struct {
        const char *body;
        enum err err;
        const char *says;
    } replies[] = {
        {"{}", ERR_CORRUPT, "currency"},
        {list_of(&r, "EUR", ""), ERR_CORRUPT, "no server"},
        {no_addresses, ERR_CORRUPT, "no primary_ip"},
        {"{\"pricing\":{\"currency\":\"EUR\"}}", ERR_CORRUPT, "volume_gb"},
        {list_of(&r, "EUR",
                 "{\"name\":\"cpx31\",\"prices\":[" IN("ash") ",{\"location\":\"hil\"}]}"),
         ERR_CORRUPT, "cpx31 in hil"},
        {list_of(&r, "EUR", "{\"name\":\"cpx31\",\"prices\":[" IN("ash") "," IN("ash") "]}"),
         ERR_CORRUPT, "two prices of server cpx31 in ash"},
        {list_of(&r, "EUR", "{\"prices\":[" IN("ash") "]}"), ERR_CORRUPT, "without its type"},
        {list_of(&r, "EUR", "{\"name\":\"cpx32\",\"prices\":[" IN("fsn1") "]}"), ERR_CORRUPT,
         "no cpx31 in ash any more"},
        {list_of(&r, "USD", "{\"name\":\"cpx31\",\"prices\":[" IN("ash") "]}"), ERR_INVALID,
         "in USD"},
    };
    refresh_ok(&r);
    struct slot_price before = in_ashburn(&r);
    assert_int_equal(before.source, PRICE_CLOUD);
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        replace_list(&r, replies[i].body);
        clock_virtual_advance(&p->clock, USEC_PER_SEC);
        assert_int_equal(price_refresh(&r.refresh, &p->arena, &p->e), replies[i].err);
        if (!strstr(p->e.text, replies[i].says))
            fail_msg("\"%s\" does not say \"%s\"", p->e.text, replies[i].says);
        struct slot_price after = in_ashburn(&r);
        assert_int_equal(after.source, PRICE_CLOUD);
        assert_int_equal(after.shared.host_month_eur, before.shared.host_month_eur);
        assert_int_equal(after.shared.read_at, before.shared.read_at);
    }
    price_book_close(&r.book);
}

static void what_is_no_longer_ordered_may_go_from_the_list(void **state)
{
    static struct hetzner_server_type german[] = {{"fsn1", "cpx32"}};
    struct rig r;
    rig_open(&r, state);
    refresh_ok(&r);
    clock_virtual_advance(&r.c->p.clock, USEC_PER_SEC);
    r.c->settings.hetzner.server_types = (struct records){german, 1};
    replace_list(&r, list_of(&r, "EUR", "{\"name\":\"cpx32\",\"prices\":[" IN("fsn1") "]}"));
    assert_int_equal(price_refresh(&r.refresh, &r.c->p.arena, &r.c->p.e), ERR_CORRUPT);
    assert_non_null(strstr(r.c->p.e.text, "no IPv4 address in fsn1"));
    german[0] = (struct hetzner_server_type){"hil", "cpx31"};
    refresh_ok(&r);
    assert_int_equal(prices_shared(prices_now(&r, &r.book), GEOGRAPHY_US).read_at, INT_ABSENT);
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
        CLOUDS_TEST(a_slot_is_the_same_share_wherever_the_prices_are_from),
        CLOUDS_TEST(where_nothing_is_ordered_the_file_says_how_many_share),
        CLOUDS_TEST(a_default_server_and_the_table_in_the_binary_count_the_same_slots),
        CLOUDS_TEST(the_address_and_the_storage_are_the_clouds_too),
        CLOUDS_TEST(a_decisions_estimate_follows_the_clouds_price),
        CLOUDS_TEST(another_node_sees_the_new_prices_within_a_minute),
        CLOUDS_TEST(a_price_that_was_not_read_for_long_gives_way_to_the_files),
        CLOUDS_TEST(a_reply_that_cannot_be_read_exactly_keeps_the_old_prices),
        CLOUDS_TEST(half_a_list_or_one_in_another_currency_keeps_the_old_prices),
        CLOUDS_TEST(what_is_no_longer_ordered_may_go_from_the_list),
        CLOUDS_TEST(the_worker_tries_again_when_the_cloud_fails),
        CLOUDS_TEST(without_a_token_nobody_is_asked),
        CLOUDS_TEST(the_first_start_reads_the_prices_and_no_later_one),
        CLOUDS_TEST(a_start_with_prices_enqueues_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
