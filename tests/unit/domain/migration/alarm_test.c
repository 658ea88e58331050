/* What the overview alerts of is told when it comes and when it is over. */
#include "domain/jobs/queue.h"
#include "domain/migration/alarm.h"
#include "domain/provisioning/settings.h"
#include "product.h"

static struct provisioning_settings provisioning;
static struct notify_settings notices;
static struct alarms alarms;

static int setup(void **state)
{
    (void)product_setup(state);
    provisioning = provisioning_settings_default();
    notices = notify_settings_default();
    alarms = (struct alarms){&provisioning.hetzner, &notices};
    return 0;
}

/* One look, a minute later; all notices that there are then, newest first. */
static struct records look(struct product *p)
{
    struct records all;
    const char *next;
    struct notice_filter any = {0};
    clock_virtual_advance(&p->clock, 60 * USEC_PER_SEC);
    product_begin(p);
    ASSERT_OK(p, alarms_tell(p->tx, &p->env, &alarms, &p->arena, &p->e));
    ASSERT_OK(p,
              notice_list(p->tx, &any, (struct page){.limit = 10}, &p->arena, &all, &next, &p->e));
    product_commit(p);
    return all;
}

static void set_paused(struct product *p, bool paused)
{
    product_begin(p);
    ASSERT_OK(p, queue_pause(p->tx, &p->env, "token:a", "migration", paused, &p->arena, &p->e));
    product_commit(p);
}

static void an_alert_is_told_when_it_comes_and_when_it_is_over(void **state)
{
    struct product *p = *state;
    assert_int_equal(look(p).count, 0);
    set_paused(p, true);
    struct records all = look(p);
    const struct notice_record *newest = all.items;
    assert_int_equal(all.count, 1);
    assert_string_equal(newest->kind, "alert.queues_paused");
    assert_string_equal(newest->text, "1 queue is paused");
    assert_int_equal(newest->severity, SEVERITY_WARNING);
    assert_int_equal(look(p).count, 1);
    set_paused(p, false);
    all = look(p);
    newest = all.items;
    assert_int_equal(all.count, 2);
    assert_true(newest->resolved);
    assert_string_equal(newest->key, "alert:queues_paused");
    assert_int_equal(look(p).count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_alert_is_told_when_it_comes_and_when_it_is_over, setup,
                                        product_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
