/* What an event must be, and what it adds. */
#include "domain/usage/parser.h"

#include <math.h>
#include <strings.h>

#define DURATION_MAX_MS 86400000
#define BYTES_MAX       (INT64_C(1) << 40)
#define NAME_SHOWN      64

static const char *const outer_names[] = {
    [EVENT_SPECVERSION] = "specversion", [EVENT_ID] = "id",
    [EVENT_SOURCE] = "source",           [EVENT_TYPE] = "type",
    [EVENT_SUBJECT] = "subject",         [EVENT_TIME] = "time",
    [EVENT_DATA_BASE64] = "data_base64", [DATA_FIRST] = NULL,
};

static const char *const inner_names[] = {
    "duration_ms",
    "status",
    "region",
    "user",
    "bytes",
    "vehicle",
    "count",
    "cpu",
    "memory",
    "disk",
    "database_connections",
    "change",
    NULL,
};

const struct scan_names event_names = {outer_names, "data", inner_names};

/* What a member of `data` must be. */
static const struct {
    enum scan_type type; /* SCAN_REAL takes whole numbers too */
    int64_t min, max;    /* a number's, or a text's bytes */
    const char *wants;
} rules[EVENT_MEMBERS] = {
    [DATA_DURATION] = {SCAN_REAL, 0, DURATION_MAX_MS, "must be a number from 0 to 86400000"},
    [DATA_STATUS] = {SCAN_WHOLE, 100, 599, "must be a whole number from 100 to 599"},
    [DATA_REGION] = {SCAN_TEXT, 1, 16, "must be one of US, EU, APAC"},
    [DATA_USER] = {SCAN_TEXT, 1, 255, "must be a text of 1 to 255 bytes"},
    [DATA_BYTES] = {SCAN_WHOLE, 0, BYTES_MAX, "must be a whole number from 0 to 2^40"},
    [DATA_VEHICLE] = {SCAN_TEXT, 1, 255, "must be a text of 1 to 255 bytes"},
    [DATA_COUNT] = {SCAN_WHOLE, 1, 1000000, "must be a whole number from 1 to 1000000"},
    [DATA_CPU] = {SCAN_REAL, 0, 1, "must be a number from 0 to 1"},
    [DATA_MEMORY] = {SCAN_REAL, 0, 1, "must be a number from 0 to 1"},
    [DATA_DISK] = {SCAN_REAL, 0, 1, "must be a number from 0 to 1"},
    [DATA_CONNECTIONS] = {SCAN_WHOLE, 0, 1000000, "must be a whole number from 0 to 1000000"},
    [DATA_CHANGE] = {SCAN_TEXT, 1, 16, "must be added or removed"},
};

struct event {
    const struct scan_object *object;
    struct usage_parser *parser;
    struct subject *subject;
    int64_t time;
};

#define HAS(object, member) (((object)->given & (UINT32_C(1) << (member))) != 0)

static const struct scan_value *value_of(const struct event *v, int member)
{
    return HAS(v->object, member) ? &v->object->values[member] : NULL;
}

static int64_t whole_or(const struct event *v, int member, int64_t other)
{
    const struct scan_value *value = value_of(v, member);
    return value ? value->whole : other;
}

static int64_t scaled(const struct event *v, int member, double by)
{
    return (int64_t)llround(v->object->values[member].real * by);
}

/* -- what the types add -------------------------------------------------------------------------
 */

/* A user was active from `start` to the event's time: bits of one hour or of several. */
static void add_user(const struct event *v, int64_t start)
{
    const struct scan_value *user = value_of(v, DATA_USER);
    if (!user)
        return;
    struct usage_parser *p = v->parser;
    int64_t hash = (int64_t)keyed_hash(p->options.users, user->text);
    int64_t oldest = p->request->now - USAGE_LATE_US;
    start = start < oldest ? oldest : start;
    int64_t last_hour = v->time / USEC_PER_HOUR;
    for (int64_t hour = start / USEC_PER_HOUR; hour <= last_hour; hour++) {
        int64_t begin = hour * USEC_PER_HOUR;
        int64_t from = start > begin ? (start - begin) / USAGE_WINDOW_US : 0;
        int64_t to = hour == last_hour ? (v->time - begin) / USAGE_WINDOW_US : USER_WINDOWS - 1;
        uint32_t index;
        if (!parser_cell(p, v->subject, hour, &index))
            return;
        parser_user(p, index, hash, ((INT64_C(1) << (to + 1)) - 1) & ~((INT64_C(1) << from) - 1));
    }
}

static void mark_api_call(const struct event *v, struct usage_mark *m)
{
    int64_t us = scaled(v, DATA_DURATION, (double)USEC_PER_MS);
    const struct scan_value *region = value_of(v, DATA_REGION);
    m->call.us = us;
    m->call.bytes = whole_or(v, DATA_BYTES, 0);
    m->bucket = (uint8_t)latency_bucket(us);
    m->failed = v->object->values[DATA_STATUS].whole >= 500;
    m->region = region ? region->text.ptr[0] : '\0';
    add_user(v, v->time);
}

static void mark_gps_points(const struct event *v, struct usage_mark *m)
{
    m->points = whole_or(v, DATA_COUNT, 1);
}

static void mark_storage(const struct event *v, struct usage_mark *m)
{
    m->storage_bytes = v->object->values[DATA_BYTES].whole;
}

static void mark_resource_sample(const struct event *v, struct usage_mark *m)
{
    m->sample.cpu = (uint16_t)scaled(v, DATA_CPU, USAGE_SHARE_ONE);
    m->sample.memory = (uint16_t)scaled(v, DATA_MEMORY, USAGE_SHARE_ONE);
    m->sample.disk = (uint16_t)scaled(v, DATA_DISK, USAGE_SHARE_ONE);
    m->sample.connections = (uint32_t)v->object->values[DATA_CONNECTIONS].whole;
}

static void mark_session(const struct event *v, struct usage_mark *m)
{
    m->session_us = scaled(v, DATA_DURATION, (double)USEC_PER_MS);
    add_user(v, v->time - m->session_us);
}

static void mark_vehicle(const struct event *v, struct usage_mark *m)
{
    m->vehicle_added = v->object->values[DATA_CHANGE].text.ptr[0] == 'a';
}

#define BIT(member) (UINT32_C(1) << (member))
#define NAME(text)  text, sizeof(text) - 1

static const struct event_type {
    const char *name;
    size_t name_len;
    uint32_t required, optional; /* members of data */
    void (*mark)(const struct event *v, struct usage_mark *m);
} types[USAGE_EVENT_TYPES] = {
    [USAGE_API_CALL] = {NAME("api_call"), BIT(DATA_DURATION) | BIT(DATA_STATUS),
                        BIT(DATA_REGION) | BIT(DATA_USER) | BIT(DATA_BYTES), mark_api_call},
    [USAGE_GPS_POINTS] = {NAME("gps_points"), BIT(DATA_VEHICLE), BIT(DATA_COUNT), mark_gps_points},
    [USAGE_STORAGE] = {NAME("storage"), BIT(DATA_BYTES), 0, mark_storage},
    [USAGE_RESOURCE_SAMPLE] = {NAME("resource_sample"),
                               BIT(DATA_CPU) | BIT(DATA_MEMORY) | BIT(DATA_DISK) |
                                   BIT(DATA_CONNECTIONS),
                               0, mark_resource_sample},
    [USAGE_SESSION] = {NAME("session"), BIT(DATA_DURATION), BIT(DATA_USER), mark_session},
    [USAGE_VEHICLE] = {NAME("vehicle"), BIT(DATA_VEHICLE) | BIT(DATA_CHANGE), 0, mark_vehicle},
};

/* -- what an event must be -----------------------------------------------------------------------
 */

/* Text from outside in a sentence: bounded, cut between characters. */
static struct str shown(struct str s)
{
    if (s.len <= NAME_SHOWN)
        return s;
    s.len = NAME_SHOWN;
    while (s.len > 0 && ((unsigned char)s.ptr[s.len] & 0xC0) == 0x80)
        s.len--;
    return s;
}

static const char *check_envelope(struct usage_parser *p, const struct scan_object *o)
{
    struct str twice = shown(o->twice), other = shown(o->inner_other);
    if (o->fault)
        return o->fault;
    if (twice.len > 0)
        return arena_printf(p->arena, "%.*s is given twice", STR_ARG(twice));
    for (int m = EVENT_SPECVERSION; m <= EVENT_TYPE; m++) {
        if (!HAS(o, m) || o->values[m].type != SCAN_TEXT || o->values[m].text.len == 0 ||
            o->values[m].text.len > 255)
            return arena_printf(p->arena, "%s must be a text of 1 to 255 bytes", outer_names[m]);
    }
    for (int m = EVENT_SUBJECT; m <= EVENT_TIME; m++) {
        if (HAS(o, m) && (o->values[m].type != SCAN_TEXT || o->values[m].text.len == 0))
            return arena_printf(p->arena, "%s must be a text", outer_names[m]);
    }
    if (!str_eq(o->values[EVENT_SPECVERSION].text, STR("1.0")))
        return "specversion must be \"1.0\"";
    if (HAS(o, EVENT_DATA_BASE64) || !o->inner_given)
        return "data must be a JSON object";
    if (other.len > 0)
        return arena_printf(p->arena, "data.%.*s is not known", STR_ARG(other));
    return NULL;
}

static const struct event_type *find_type(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (types[i].name_len == name.len && memcmp(types[i].name, name.ptr, name.len) == 0)
            return &types[i];
    }
    return NULL;
}

static bool fits(int member, const struct scan_value *value)
{
    switch (rules[member].type) {
    case SCAN_TEXT:
        return value->type == SCAN_TEXT && (int64_t)value->text.len >= rules[member].min &&
               (int64_t)value->text.len <= rules[member].max;
    case SCAN_WHOLE:
        return value->type == SCAN_WHOLE && value->whole >= rules[member].min &&
               value->whole <= rules[member].max;
    default:
        return (value->type == SCAN_WHOLE || value->type == SCAN_REAL) &&
               value->real >= (double)rules[member].min && value->real <= (double)rules[member].max;
    }
}

static bool is_listed(int member, struct str text)
{
    if (member == DATA_REGION)
        return str_eq(text, STR("US")) || str_eq(text, STR("EU")) || str_eq(text, STR("APAC"));
    if (member == DATA_CHANGE)
        return str_eq(text, STR("added")) || str_eq(text, STR("removed"));
    return true;
}

static const char *check_data(struct usage_parser *p, const struct scan_object *o,
                              const struct event_type *type)
{
    uint32_t given = o->given & (BIT(EVENT_MEMBERS) - BIT(DATA_FIRST));
    uint32_t missing = type->required & ~given, extra = given & ~(type->required | type->optional);
    if (missing)
        return arena_printf(p->arena, "data.%s is missing",
                            inner_names[ffs((int)missing) - 1 - DATA_FIRST]);
    if (extra)
        return arena_printf(p->arena, "data.%s is not of %s",
                            inner_names[ffs((int)extra) - 1 - DATA_FIRST], type->name);
    for (; given; given &= given - 1) {
        int m = ffs((int)given) - 1;
        if (!fits(m, &o->values[m]) || !is_listed(m, o->values[m].text))
            return arena_printf(p->arena, "data.%s %s", inner_names[m - DATA_FIRST],
                                rules[m].wants);
    }
    return NULL;
}

static const char *check_time(const struct usage_parser *p, const struct scan_object *o,
                              int64_t *ret_time)
{
    int64_t now = p->request->now, time = now;
    if (HAS(o, EVENT_TIME) && !time_parse(o->values[EVENT_TIME].text, &time))
        return "time must be RFC 3339, such as 2026-03-01T12:00:00Z";
    if (time < now - USAGE_LATE_US)
        return "time is more than 35 days ago";
    if (time > now + USAGE_EARLY_US)
        return "time is more than 5 minutes ahead";
    *ret_time = time;
    return NULL;
}

static const char *check_subject(struct usage_parser *p, const struct scan_object *o,
                                 struct subject **ret)
{
    const char *ours = p->request->customer_id;
    if (!HAS(o, EVENT_SUBJECT) && !ours)
        return "subject is missing: it names the customer";
    struct str name = HAS(o, EVENT_SUBJECT) ? o->values[EVENT_SUBJECT].text : str_from(ours);
    struct subject *subject = parser_subject(p, name);
    if (!subject)
        return "";
    if (!subject->id || (ours && !text_eq(subject->id, ours))) {
        struct str s = shown(name);
        return arena_printf(p->arena,
                            ours ? "subject: %.*s is not the customer of this token"
                                 : "subject: there is no customer %.*s",
                            STR_ARG(s));
    }
    *ret = subject;
    return NULL;
}

static bool is_skipped(const struct usage_request *r, size_t index)
{
    return r->skip && (r->skip[index / 8] >> index % 8 & 1) != 0;
}

const char *event_add(struct usage_parser *p, const struct scan_object *o)
{
    const char *reason = check_envelope(p, o);
    if (reason)
        return reason;
    struct str name = shown(o->values[EVENT_TYPE].text);
    const struct event_type *type = find_type(o->values[EVENT_TYPE].text);
    if (!type)
        return arena_printf(p->arena, "type: there is no %.*s", STR_ARG(name));
    struct event v = {.object = o, .parser = p};
    reason = check_data(p, o, type);
    if (!reason)
        reason = check_time(p, o, &v.time);
    if (!reason)
        reason = check_subject(p, o, &v.subject);
    if (reason)
        return reason;
    if (is_skipped(p->request, o->index)) {
        p->batch.skipped++;
        return NULL;
    }
    uint32_t cell;
    if (!parser_cell(p, v.subject, v.time / USEC_PER_HOUR, &cell))
        return NULL;
    struct usage_mark *mark = parser_mark(p, cell);
    mark->type = (uint8_t)(type - types);
    type->mark(&v, mark);
    if (p->request->want_ids)
        parser_id(p, (uint32_t)o->index, v.subject->id, o->values[EVENT_SOURCE].text,
                  o->values[EVENT_ID].text);
    return NULL;
}

bool usage_format_of(struct str content_type, enum usage_format *ret_format)
{
    static const struct {
        const char *type;
        enum usage_format format;
    } known[] = {
        {"application/cloudevents+json", USAGE_ONE},
        {"application/cloudevents-batch+json", USAGE_BATCH},
        {"application/x-ndjson", USAGE_NDJSON},
        {"application/json", USAGE_ONE},
    };
    struct str type = str_trim(str_cut(&content_type, ';'));
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (type.len == strlen(known[i].type) &&
            strncasecmp(type.ptr, known[i].type, type.len) == 0) {
            *ret_format = known[i].format;
            return true;
        }
    }
    return false;
}
