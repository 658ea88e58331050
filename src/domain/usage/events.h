/*
 * Usage events on the wire: CloudEvents 1.0 in structured JSON, one, a JSON batch or NDJSON.
 *
 *     {"specversion":"1.0","id":"7","source":"/api","type":"api_call","subject":"acme",
 *      "time":"2026-03-01T12:00:00Z","data":{"duration_ms":12.5,"status":200,"region":"EU",
 *      "user":"u1","bytes":512}}
 *
 *     type             data
 *     api_call         duration_ms, status, region (US, EU, APAC), user, bytes
 *     gps_points       vehicle, count
 *     storage          bytes
 *     resource_sample  cpu, memory, disk (0..1), database_connections
 *     session          user, duration_ms; it ended at `time`
 *     vehicle          vehicle, change: "added" or "removed"
 *
 * `subject` is the customer, by id or slug; a token that belongs to one customer may leave it out.
 * `time` may be left out and is then now.
 *
 * The parser adds up while it reads: a batch becomes one struct usage_hour for each customer and
 * hour in it, and the windows in which each user was active. It reads each byte once and keeps no
 * event. A bad event is refused by its index, the others count. Everything that an event has is
 * visited, so text that is no JSON is refused (simdjson's on-demand parser does not look at what it
 * is not asked for).
 */
#ifndef WEBHOST_DOMAIN_USAGE_EVENTS_H
#define WEBHOST_DOMAIN_USAGE_EVENTS_H

#include "domain/usage/hours.h"

#define USAGE_EVENTS_MAX  100000             /* of one request */
#define USAGE_BODY_MAX    ((size_t)16 << 20) /* of one request, unpacked */
#define USAGE_REFUSED_MAX 100                /* named in the reply; all are counted */
#define USAGE_LATE_US     (HOURS_KEPT * USEC_PER_HOUR)
#define USAGE_EARLY_US    (5 * 60 * USEC_PER_SEC)

enum usage_format { USAGE_ONE, USAGE_BATCH, USAGE_NDJSON, USAGE_FORMATS };

/* The format of a Content-Type; false when it is none of ours. */
bool usage_format_of(struct str content_type, enum usage_format *ret_format);

struct usage_refused {
    size_t index; /* of the event, from 0 */
    const char *reason;
};

struct usage_user {
    size_t hour; /* index into hours */
    int64_t user_hash;
    int64_t windows;
};

/* What a body comes to. All memory is the arena's. */
struct usage_batch {
    struct usage_hour *hours; /* one for each customer and hour */
    size_t hour_count;
    struct usage_user *users; /* one for each user of an hour */
    size_t user_count;
    size_t accepted, refused_count;
    struct usage_refused refused[USAGE_REFUSED_MAX]; /* the first ones */
};

#endif
