#include "domain/usage/mark.h"

static void raise(int64_t *maximum, int64_t value)
{
    *maximum = value > *maximum ? value : *maximum;
}

static void add_call(const struct usage_mark *m, struct usage_hour *to)
{
    to->api_calls++;
    to->api_errors += m->failed;
    to->api_us += m->call.us;
    to->bytes += m->call.bytes;
    to->latency[m->bucket]++;
    to->calls_us += m->region == 'U';
    to->calls_eu += m->region == 'E';
    to->calls_apac += m->region == 'A';
}

static void add_points(const struct usage_mark *m, struct usage_hour *to)
{
    to->gps_points += m->points;
    to->realtime_ops += m->points == 1;
    to->batch_ops += m->points > 1;
}

static void add_sample(const struct usage_mark *m, struct usage_hour *to)
{
    to->samples++;
    to->cpu_sum += m->sample.cpu;
    to->memory_sum += m->sample.memory;
    to->disk_sum += m->sample.disk;
    to->connections_sum += m->sample.connections;
    raise(&to->cpu_max, m->sample.cpu);
    raise(&to->memory_max, m->sample.memory);
    raise(&to->disk_max, m->sample.disk);
    raise(&to->connections_max, m->sample.connections);
}

void usage_mark_add(const struct usage_mark *m, struct usage_hour *to)
{
    to->events++;
    switch ((enum usage_event_type)m->type) {
    case USAGE_API_CALL:
        add_call(m, to);
        return;
    case USAGE_GPS_POINTS:
        add_points(m, to);
        return;
    case USAGE_STORAGE:
        raise(&to->storage_bytes, m->storage_bytes);
        return;
    case USAGE_RESOURCE_SAMPLE:
        add_sample(m, to);
        return;
    case USAGE_SESSION:
        to->sessions++;
        to->session_us += m->session_us;
        return;
    case USAGE_VEHICLE:
        to->vehicles_added += m->vehicle_added;
        to->vehicles_removed += !m->vehicle_added;
        return;
    case USAGE_EVENT_TYPES:
        break;
    }
    BUG_ON(true);
}
