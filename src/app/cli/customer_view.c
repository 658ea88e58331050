#include "app/cli/customer_view.h"

#include "app/cli/decision_view.h"

static const struct column customer_columns[] = {
    {"slug", "Customer", COLUMN_TEXT},
    {"name", "Name", COLUMN_TEXT},
    {"company_name", "Company", COLUMN_TEXT},
    {"email", "E-mail", COLUMN_TEXT},
    {"billing_email", "Bills to", COLUMN_TEXT},
    {"plan", "Plan", COLUMN_TEXT},
    {"status", "Status", COLUMN_STATE},
    {"created_at", "Since", COLUMN_AGO},
    {"id", "Id", COLUMN_TEXT},
    COLUMN_END,
};

static const struct column deployment_columns[] = {
    {"mode", "Mode", COLUMN_TEXT},
    {"infrastructure", "On", COLUMN_TEXT},
    {"plan", "Plan", COLUMN_TEXT},
    {"status", "Status", COLUMN_STATE},
    {"regions", "Regions", COLUMN_LIST},
    {"host.name", "Host", COLUMN_TEXT},
    {"host.location", "Location", COLUMN_TEXT},
    {"app", "App", COLUMN_TEXT},
    {"error", "Error", COLUMN_TEXT},
    {"created_at", "Created", COLUMN_AGO},
    {"active_at", "Active", COLUMN_AGO},
    COLUMN_END,
};

static const struct column resource_columns[] = {
    {"kind", "RESOURCE", COLUMN_TEXT},  {"region", "REGION", COLUMN_TEXT},
    {"name", "NAME", COLUMN_TEXT},      {"provider_id", "PROVIDER ID", COLUMN_LONG},
    {"status", "STATUS", COLUMN_STATE}, COLUMN_END,
};

static const struct column job_columns[] = {
    {"id", "JOB", COLUMN_TEXT},           {"worker", "WORKER", COLUMN_LONG},
    {"state", "STATE", COLUMN_STATE},     {"attempt", "TRY", COLUMN_NUMBER},
    {"last_error", "ERROR", COLUMN_LONG}, COLUMN_END,
};

static const struct column offboarding_columns[] = {
    {"state", "State", COLUMN_STATE},
    {"reason", "Reason", COLUMN_TEXT},
    {"comment", "Comment", COLUMN_TEXT},
    {"retain_until", "Deleted", COLUMN_AGO},
    {"error", "Error", COLUMN_TEXT},
    {"requested_by", "Asked by", COLUMN_TEXT},
    {"created_at", "Asked", COLUMN_AGO},
    {"finished_at", "Finished", COLUMN_AGO},
    COLUMN_END,
};

static void print_title(const struct table *t, const char *title)
{
    (void)fputc('\n', t->out);
    put_tone(t->out, &t->terminal, TONE_STRONG, title);
    (void)fputc('\n', t->out);
}

static void print_deployment(const struct table *t, const json_t *deployment)
{
    if (!json_is_object(deployment))
        return;
    print_title(t, "Deployment");
    card_print(t, deployment_columns, deployment);
    const json_t *resources = json_object_get(deployment, "resources");
    if (json_array_size(resources) > 0) {
        (void)fputc('\n', t->out);
        table_print(t, resource_columns, resources);
    }
}

static void print_last_decision(const struct table *t, const json_t *decision)
{
    if (!json_is_object(decision))
        return;
    print_title(t, "Decision");
    put_text(t->out, decision_outcome(t, decision));
    (void)fputc('\n', t->out);
    const char *reason = json_get_text(decision, "reason");
    if (reason) {
        put_wrapped(t->out, reason, 0, t->terminal.width);
        (void)fputc('\n', t->out);
    }
    const char *id = json_get_text(decision, "id");
    if (id)
        put_text(t->out, arena_printf(t->arena, "Why: webhost decisions show %s", id));
    (void)fputs(id ? "\n" : "", t->out);
}

/* Whatever the server measures, in its own words: the names are the plan's. */
static void print_metrics(const struct table *t, const json_t *metrics)
{
    if (json_object_size(metrics) == 0)
        return;
    print_title(t, "Usage");
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)metrics, key, value) {
        if (json_is_null(value))
            continue;
        put_text(t->out,
                 arena_printf(t->arena, "%-24s  %s", key, cell_text(t, COLUMN_TEXT, value)));
        (void)fputc('\n', t->out);
    }
}

static void print_jobs(const struct table *t, const json_t *document)
{
    const json_t *jobs = json_object_get(document, "jobs");
    json_t *job = json_object_get(document, "job");
    _cleanup_json_ json_t *one = job && !json_is_null(job) ? json_pack("[O]", job) : NULL;
    const json_t *rows = one ? one : jobs;
    if (json_array_size(rows) == 0)
        return;
    print_title(t, "Work");
    table_print(t, job_columns, rows);
}

void offboarding_print(const struct table *t, const json_t *offboarding)
{
    print_title(t, "Leaving");
    card_print(t, offboarding_columns, offboarding);
}

void customer_print(const struct table *t, const json_t *document)
{
    const json_t *customer = json_object_get(document, "customer");
    const json_t *decision = json_object_get(document, "decision");
    card_print(t, customer_columns, json_is_object(customer) ? customer : document);
    print_deployment(t, json_object_get(document, "deployment"));
    print_last_decision(t, decision ? decision : json_object_get(document, "last_decision"));
    const char *move = json_get_text(document, "migration_status");
    if (move && !text_eq(move, "none")) {
        print_title(t, "Move");
        put_tone(t->out, &t->terminal, tone_of_state(move), move);
        (void)fputc('\n', t->out);
    }
    const json_t *offboarding = json_object_get(document, "offboarding");
    if (json_is_object(offboarding))
        offboarding_print(t, offboarding);
    print_metrics(t, json_object_get(document, "usage_metrics"));
    print_jobs(t, document);
}
