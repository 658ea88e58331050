/*
 * What one event adds to the hour of its customer.
 *
 * A mark is small, and adding it touches a few numbers of one hour: batches are lists of marks, and
 * whoever stores them adds up those of all batches in a single table that stays in the cache.
 */
#ifndef WEBHOST_DOMAIN_USAGE_MARK_H
#define WEBHOST_DOMAIN_USAGE_MARK_H

#include "domain/usage/hours.h"

#define USAGE_SHARE_ONE 10000 /* cpu, memory and disk are counted in 1/10000 */

enum usage_event_type {
    USAGE_API_CALL,
    USAGE_GPS_POINTS,
    USAGE_STORAGE,
    USAGE_RESOURCE_SAMPLE,
    USAGE_SESSION,
    USAGE_VEHICLE,
    USAGE_EVENT_TYPES,
};

struct usage_mark {
    uint32_t cell;  /* the customer and hour: an index that the batch has */
    uint8_t type;   /* enum usage_event_type; the member below that counts */
    uint8_t bucket; /* of a call's duration: latency_bucket() */
    bool failed;    /* a call's status is 500 or above */
    char region;    /* of a call's caller: U, E, A; 0: not known */
    union {
        struct {
            int64_t us, bytes;
        } call;
        struct {
            uint32_t connections;
            uint16_t cpu, memory, disk; /* of USAGE_SHARE_ONE */
        } sample;
        int64_t points;
        int64_t storage_bytes;
        int64_t session_us;
        bool vehicle_added; /* else it was removed */
    };
};

void usage_mark_add(const struct usage_mark *mark, struct usage_hour *to);

#endif
