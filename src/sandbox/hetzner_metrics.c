/*
 * GET /servers/{id}/metrics. The load is what a test has set for the server (settings.h), or a
 * little; a server that is off does nothing. A series goes up and down by a hundredth around that
 * load, as none in the real world is flat either.
 */
#include "sandbox/hetzner.h"
#include "sandbox/settings.h"

#define SAMPLES_DEFAULT 200
#define SAMPLES_MAX     500
#define VALUE_TEXT_MAX  48

struct series {
    const char *type, *name, *setting;
    double otherwise;
};

static const struct series all_series[] = {
    {"cpu", "cpu", "cpu", 2.5},
    {"disk", "disk.0.iops.read", "disk_iops_read", 0.5},
    {"disk", "disk.0.iops.write", "disk_iops_write", 1},
    {"disk", "disk.0.bandwidth.read", "disk_bandwidth_read", 2048},
    {"disk", "disk.0.bandwidth.write", "disk_bandwidth_write", 8192},
    {"network", "network.0.pps.in", "network_pps_in", 3},
    {"network", "network.0.pps.out", "network_pps_out", 2},
    {"network", "network.0.bandwidth.in", "network_bandwidth_in", 900},
    {"network", "network.0.bandwidth.out", "network_bandwidth_out", 600},
};

struct period {
    int64_t start_us, end_us, step_s;
};

static enum err read_time(struct call *c, const char *name, int64_t *ret_time)
{
    const char *text = http_query(c->request, name);
    if (!text || !time_parse(str_from(text), ret_time))
        return call_refuse(c, 422, "invalid_input",
                           "invalid input in field '%s': must be a time in RFC 3339", name);
    return OK;
}

static enum err read_period(struct call *c, struct period *ret_period)
{
    struct period p;
    TRY(read_time(c, "start", &p.start_us));
    TRY(read_time(c, "end", &p.end_us));
    int64_t seconds = (p.end_us - p.start_us) / USEC_PER_SEC;
    if (seconds <= 0)
        return call_refuse(c, 422, "invalid_input", "invalid input: end must be after start");
    const char *step = http_query(c->request, "step");
    p.step_s = (seconds + SAMPLES_DEFAULT - 1) / SAMPLES_DEFAULT;
    if (step && (!str_to_i64(str_from(step), &p.step_s) || p.step_s < 1))
        return call_refuse(c, 422, "invalid_input",
                           "invalid input in field 'step': must be at least 1");
    if (seconds / p.step_s > SAMPLES_MAX)
        p.step_s = (seconds + SAMPLES_MAX - 1) / SAMPLES_MAX;
    *ret_period = p;
    return OK;
}

/* ?type=cpu,disk or ?type=cpu&type=disk. */
static bool is_wanted(const struct call *c, const char *type)
{
    const struct http_request *r = c->request;
    for (size_t i = 0; i < r->query_count; i++) {
        struct str rest = str_from(text_eq(r->query[i].name, "type") ? r->query[i].value : "");
        while (rest.len > 0) {
            if (str_eq(str_trim(str_cut(&rest, ',')), str_from(type)))
                return true;
        }
    }
    return false;
}

static json_t *values(const struct period *p, double load)
{
    char text[2][VALUE_TEXT_MAX];
    (void)snprintf(text[0], sizeof(text[0]), "%.6g", load * 0.99);
    (void)snprintf(text[1], sizeof(text[1]), "%.6g", load * 1.01);
    json_t *list = json_array();
    for (int64_t i = 0, at = p->start_us; at < p->end_us; i++, at += p->step_s * USEC_PER_SEC)
        json_push(list, json_packed("[f, s]", (double)at / USEC_PER_SEC, text[i % 2]));
    return json_packed("{s:o}", "values", list);
}

enum err hetzner_server_metrics(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_of(c, &row, e));
    struct period period = {0};
    TRY(read_period(c, &period));
    bool is_on = text_eq(phases_at(&row.phases, c->now_us), "running");
    _cleanup_json_ json_t *series = json_object();
    for (size_t i = 0; i < ARRAY_LEN(all_series); i++) {
        const struct series *s = &all_series[i];
        if (!is_wanted(c, s->type))
            continue;
        double load = settings_load(c, row.id, row.name, s->setting, s->otherwise);
        json_put(series, s->name, values(&period, is_on ? load : 0));
    }
    if (json_object_size(series) == 0)
        return call_refuse(c, 422, "invalid_input",
                           "invalid input in field 'type': must be cpu, disk or network");
    return call_answer(c, 200,
                       json_packed("{s:{s:o, s:o, s:I, s:O}}", "metrics", "start",
                                   json_time(period.start_us), "end", json_time(period.end_us),
                                   "step", (json_int_t)period.step_s, "time_series", series));
}
