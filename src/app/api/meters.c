#include "app/api/meters.h"

#include "infra/metrics/exposition.h"
#include "infra/metrics/histogram.h"

#include <pthread.h>
#include <stdlib.h>

/* Ends of replies: 1xx to 5xx. */
static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

struct meter {
    uint64_t ends[ARRAY_LEN(classes)];
    struct histogram took;
};

struct api_meters {
    const struct http_route *routes;
    size_t count;
    pthread_mutex_t lock;  /* guards the meters */
    struct meter meters[]; /* one for each route, and the last for requests without one */
};

struct api_meters *api_meters_new(const struct http_route *routes, size_t count)
{
    struct api_meters *m = calloc(1, sizeof(*m) + (count + 1) * sizeof(m->meters[0]));
    BUG_ON(!m);
    m->routes = routes;
    m->count = count;
    BUG_ON(pthread_mutex_init(&m->lock, NULL));
    return m;
}

void api_meters_free(struct api_meters *m)
{
    if (!m)
        return;
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

void api_meters_note(struct api_meters *m, const struct http_request *request,
                     const struct http_response *response, int64_t duration_us)
{
    size_t route = request->route ? (size_t)(request->route - m->routes) : m->count;
    int class = response->status / 100 - 1;
    BUG_ON(route > m->count);
    (void)pthread_mutex_lock(&m->lock);
    struct meter *meter = &m->meters[route];
    if (class >= 0 && (size_t) class < ARRAY_LEN(classes))
        meter->ends[class]++;
    histogram_add(&meter->took, duration_us);
    (void)pthread_mutex_unlock(&m->lock);
}

static const char *method_of(const struct api_meters *m, size_t route)
{
    return route < m->count ? http_method_names[m->routes[route].method] : "";
}

static const char *route_of(const struct api_meters *m, size_t route)
{
    return route < m->count ? m->routes[route].pattern : "none";
}

static void write_ends(const struct api_meters *m, struct buf *out)
{
    static const struct metric requests = {"webhost_http_requests_total", "counter",
                                           "Requests to this node, by route and reply."};
    char labels[METRIC_LABELS_MAX];
    metric_head(out, &requests);
    for (size_t i = 0; i <= m->count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(classes); k++) {
            if (m->meters[i].ends[k] > 0)
                metric_int(out, &requests,
                           metric_labels(labels, "method", method_of(m, i), "route", route_of(m, i),
                                         "status", classes[k], NULL),
                           (int64_t)m->meters[i].ends[k]);
        }
    }
}

void api_meters_write(struct api_meters *m, struct buf *out)
{
    static const struct metric took = {"webhost_http_request_duration_seconds", "histogram",
                                       "How long this node took to reply."};
    char labels[METRIC_LABELS_MAX];
    (void)pthread_mutex_lock(&m->lock);
    write_ends(m, out);
    metric_head(out, &took);
    for (size_t i = 0; i <= m->count; i++) {
        if (m->meters[i].took.total > 0)
            histogram_write(
                &m->meters[i].took, took.name,
                metric_labels(labels, "method", method_of(m, i), "route", route_of(m, i), NULL),
                out);
    }
    (void)pthread_mutex_unlock(&m->lock);
}
