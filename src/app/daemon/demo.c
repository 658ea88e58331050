#include "app/daemon/demo.h"

#include "demo.sql.h"
#include "domain/outcomes/feedback.h"
#include "domain/usage/example.h"
#include "domain/usage/fleet.h"
#include "domain/usage/measure.h"
#include "domain/usage/sweep.h"

#include <inttypes.h>

#define DEMO_WAIT_US   (300 * USEC_PER_MS)
#define DEMO_PLAN_SIZE 40 /* more vehicles than this show nothing new */

struct demo_customer {
    const char *slug, *name, *plan, *profile;
    int64_t days;     /* since it came */
    int64_t vehicles; /* by now; 0: as many as it said it has */
};

static const struct demo_customer demo_customers[] = {
    {"corner-bakery", "Corner Bakery", "hobby",
     "{\"budget\":30,\"vehicle_count\":2,\"geographic_distribution\":[\"EU\"],"
     "\"compliance_requirements\":[],\"peak_concurrent_users\":3}",
     170},
    {"pine-plumbing", "Pine Plumbing", "hobby",
     "{\"budget\":45,\"vehicle_count\":5,\"geographic_distribution\":[\"US\"],"
     "\"compliance_requirements\":[],\"latency_requirement\":200}",
     140},
    {"harbour-taxis", "Harbour Taxis", "hobby",
     "{\"budget\":80,\"vehicle_count\":9,\"geographic_distribution\":[\"EU\"],"
     "\"compliance_requirements\":[],\"peak_concurrent_users\":15}",
     110},
    {"merlion-tours", "Merlion Tours", "hobby",
     "{\"budget\":40,\"vehicle_count\":4,\"geographic_distribution\":[\"APAC\"],"
     "\"compliance_requirements\":[]}",
     75},
    {"rapid-rentals", "Rapid Rentals", "hobby",
     "{\"budget\":90,\"vehicle_count\":6,\"geographic_distribution\":[\"US\"],"
     "\"compliance_requirements\":[]}",
     95, .vehicles = 32},
    {"city-couriers", "City Couriers", "starter",
     "{\"budget\":120,\"vehicle_count\":18,\"geographic_distribution\":[\"US\"],"
     "\"compliance_requirements\":[],\"latency_requirement\":40}",
     160},
    {"clinic-runner", "Clinic Runner", "starter",
     "{\"budget\":45,\"vehicle_count\":3,\"compliance_requirements\":[\"hipaa\"],"
     "\"geographic_distribution\":[\"US\"]}",
     45},
    {"acme-logistics", "Acme Logistics", "professional",
     "{\"budget\":200,\"vehicle_count\":50,\"compliance_requirements\":[\"soc2\"]}", 130},
    {"nordic-freight", "Nordic Freight", "business",
     "{\"budget\":900,\"vehicle_count\":160,\"compliance_requirements\":[\"gdpr\",\"soc2\"],"
     "\"geographic_distribution\":[\"EU\",\"US\",\"APAC\"],\"latency_requirement\":45,"
     "\"peak_concurrent_users\":140}",
     20},
};

const char *demo_slug(size_t i)
{
    return i < ARRAY_LEN(demo_customers) ? demo_customers[i].slug : NULL;
}

struct demo_feedback {
    const char *slug;
    int64_t days; /* ago */
    struct feedback_wish wish;
};

static const struct demo_feedback demo_feedback[] = {
    {"corner-bakery", 120, {5, "It just works."}},
    {"city-couriers", 100, {3, "Fast, but more than we wanted to pay."}},
    {"pine-plumbing", 80, {4, NULL}},
    {"acme-logistics", 70, {5, "The auditors were content."}},
    {"harbour-taxis", 60, {4, NULL}},
    {"corner-bakery", 40, {5, NULL}},
    {"clinic-runner", 30, {4, "Good to have a database of our own."}},
    {"harbour-taxis", 9, {2, "The map is slow on Friday nights."}},
    {"merlion-tours", 6, {4, NULL}},
    {"nordic-freight", 3, {4, "Sydney is as quick as Oslo now."}},
};

struct demo_work {
    const struct demo *demo;
    const struct demo_customer *customer;
    struct arena *arena;
};

/* It came then, so that there are figures of months. What is provisioned is as new as it is. */
static enum err backdate(struct db_tx *tx, const char *customer_id, int64_t then, struct error *e)
{
    static const struct db_query *const dates[] = {
        &demo_backdate_customer, &demo_backdate_decisions, &demo_backdate_subscriptions};
    for (size_t i = 0; i < ARRAY_LEN(dates); i++)
        TRY(db_exec(tx, dates[i], DB_ARGS(db_text(customer_id), db_int(then)), NULL, e));
    return OK;
}

static enum err add_feedback(struct db_tx *tx, const struct demo_work *w, struct error *e)
{
    for (size_t i = 0; i < ARRAY_LEN(demo_feedback); i++) {
        const struct demo_feedback *f = &demo_feedback[i];
        struct clock_virtual then;
        struct feedback ignored;
        struct env env = *w->demo->env;
        if (!text_eq(f->slug, w->customer->slug))
            continue;
        clock_virtual_init(&then, env_now(&env) - f->days * USEC_PER_DAY);
        env.clock = &then.clock;
        TRY(feedback_add(tx, &env, "system", f->slug, &f->wish, w->arena, &ignored, e));
    }
    return OK;
}

static enum err sign_up(struct db_tx *tx, const struct demo_work *w, struct error *e)
{
    const struct demo *d = w->demo;
    const struct demo_customer *c = w->customer;
    struct problems problems = {.arena = w->arena};
    struct signup request;
    record_clear(signup_fields, &request);
    TRY(json_decode_text(profile_fields, str_from(c->profile), w->arena, &request.profile_overrides,
                         &problems, e));
    request.name = c->name;
    request.slug = c->slug;
    request.email = arena_printf(w->arena, "ops@%s.example", c->slug);
    request.plan_slug = c->plan;
    struct signed_up done;
    const struct prices *prices;
    TRY(price_book_now(d->prices, tx, w->arena, &prices, e));
    TRY(signup(tx, d->env, d->policy, prices, "system", &request, w->arena, &problems, &done, e));
    TRY(backdate(tx, done.customer.id, env_now(d->env) - c->days * USEC_PER_DAY, e));
    TRY(add_feedback(tx, w, e));
    struct job_spec fill = {
        .worker = "DemoDataWorker",
        .queue = "maintenance",
        .customer_id = done.customer.id,
        .args = arena_printf(w->arena, "{\"customer\":\"%s\",\"vehicles\":%" PRId64 "}", c->slug,
                             c->vehicles),
    };
    struct job job;
    return job_enqueue(tx, d->env, &fill, w->arena, &job, NULL, e);
}

static enum err sign_up_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct demo_work *w = arg;
    struct customer found;
    enum err err = customer_find(tx, w->customer->slug, w->arena, &found, e);
    return err == ERR_NOT_FOUND ? sign_up(tx, w, e) : err;
}

/* A history that ends in what the demonstration's customers are. */
static enum err history_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct demo *demo = arg;
    static const int64_t customers[MODE_COUNT] = {[MULTI_TENANT] = 5, [SINGLE_TENANT] = 4};
    _Static_assert(ARRAY_LEN(demo_customers) == 9, "as many as there are");
    return fleet_add_example(tx, env_now(demo->env), customers, e);
}

enum err demo_sign_up(const struct demo *demo, struct error *e)
{
    TRY(db_write(demo->env->db, history_work, (void *)(uintptr_t)demo, e));
    for (size_t i = 0; i < ARRAY_LEN(demo_customers); i++) {
        _cleanup_arena_ struct arena arena = {0};
        struct demo_work w = {demo, &demo_customers[i], &arena};
        TRY(db_write(demo->env->db, sign_up_work, &w, e));
    }
    return OK;
}

/* -- data ------------------------------------------------------------------------------------- */

struct fill_args {
    const char *customer;
    int64_t vehicles; /* 0 or INT_ABSENT: as many as its profile says */
};

static const struct field fill_fields[] = {
    {"customer", FIELD_TEXT, offsetof(struct fill_args, customer), .required = true},
    {"vehicles", FIELD_INT, offsetof(struct fill_args, vehicles)},
    FIELD_END,
};

struct fill_work {
    struct job_run *run;
    struct fill_args args;
    int64_t vehicles;
    struct deployment deployment;
    struct profile profile;
    struct customer customer;
};

static enum err look_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct fill_work *w = arg;
    struct arena *arena = w->run->arena;
    TRY(customer_find(tx, w->args.customer, arena, &w->customer, e));
    TRY(customer_profile(tx, &w->customer, arena, &w->profile, e));
    w->vehicles = w->args.vehicles > 0 ? w->args.vehicles : w->profile.vehicle_count;
    return deployment_current(tx, w->customer.id, arena, &w->deployment, e);
}

/* The weeks before, so that there is something to see. */
static enum err usage_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct fill_work *w = arg;
    const struct profile *p = &w->profile;
    bool shared = w->deployment.mode == MULTI_TENANT;
    const struct usage_example example = {
        .customer_id = w->customer.id,
        .seed = strlen(w->customer.slug),
        .vehicles = w->vehicles,
        .users = p->peak_users != INT_ABSENT ? p->peak_users : w->vehicles,
        .cpu = shared ? 60 * w->vehicles : 3500,
        .region = p->region_count > 0 ? p->regions[0] : (uint8_t)GEOGRAPHY_US,
        .many_regions = p->region_count > 1,
        .response_us = shared ? 90000 : 45000,
    };
    TRY(usage_add_example(tx, w->run->job->inserted_at, &example, w->run->arena, e));
    return fleet_enqueue(tx, w->run->env, w->run->arena, e);
}

/* What has outgrown its place is found, and a person is asked, without waiting for the hour. */
static enum err sweep_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct fill_work *w = arg;
    struct job job;
    return sweep_enqueue(tx, w->run->env, "system", w->run->arena, &job, e);
}

static enum err look_at_growth(struct fill_work *w, struct error *e)
{
    int64_t measured;
    if (w->args.vehicles <= 0)
        return OK;
    TRY(measure_all(w->run->env, w->run->cancelled, &measured, e));
    return db_write(w->run->env->db, sweep_work, w, e);
}

static enum err fill(struct fill_work *w, struct error *e)
{
    struct demo *demo = w->run->ctx;
    int64_t at = w->run->job->inserted_at; /* so that a repeated run writes the same rows */
    int64_t vehicles = w->vehicles > DEMO_PLAN_SIZE ? DEMO_PLAN_SIZE : w->vehicles;
    TRY(db_write(w->run->env->db, usage_work, w, e));
    TRY(tenant_fill_example(demo->provisioning->stores, w->deployment.database_url,
                            w->deployment.customer_id, vehicles, at, e));
    return look_at_growth(w, e);
}

static enum job_result fill_perform(struct job_run *run, struct error *e)
{
    struct fill_work w = {.run = run};
    struct problems problems = {.arena = run->arena};
    if (json_decode_text(fill_fields, str_from(run->job->args), run->arena, &w.args, &problems,
                         e) != OK)
        return JOB_FAIL;
    if (db_read(run->env->db, look_work, &w, e) != OK)
        return JOB_RETRY;
    if (w.deployment.status == DEPLOYMENT_PROVISIONING) {
        run->snooze_us = DEMO_WAIT_US;
        return JOB_SNOOZE;
    }
    if (w.deployment.status != DEPLOYMENT_ACTIVE) {
        (void)error_set(e, ERR_CONFLICT, "the deployment is %s",
                        deployment_status_names[w.deployment.status]);
        return JOB_FAIL;
    }
    return provider_result(fill(&w, e));
}

struct job_worker demo_worker(struct demo *demo)
{
    return (struct job_worker){"DemoDataWorker", "maintenance", fill_perform, NULL, demo};
}
