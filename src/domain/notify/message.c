#include "domain/notify/message.h"

#include <string.h>

#define SUMMARY_MAX 1024 /* of PagerDuty */

static enum severity worst(const struct message *m)
{
    int severity = SEVERITY_INFO;
    for (size_t i = 0; i < m->count; i++)
        severity = m->notices[i].severity > severity ? m->notices[i].severity : severity;
    return (enum severity)severity;
}

static bool all_resolved(const struct message *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (!m->notices[i].resolved)
            return false;
    }
    return true;
}

/* What a notice is about, for receivers that put repetitions and ends together. */
static const char *key_of(const struct notice_record *n)
{
    return n->key ? n->key : n->id;
}

static json_t *time_json(int64_t at)
{
    char text[TIME_TEXT_MAX];
    return json_string(time_text(at, text));
}

const char *message_summary(const struct message *m, struct arena *arena)
{
    if (m->count == 1)
        return m->notices[0].text;
    return arena_printf(arena, "%zu notices, the first: %s", m->count, m->notices[0].text);
}

/* -- mail -------------------------------------------------------------------------------------- */

const char *message_subject(const struct message *m, struct arena *arena)
{
    const char *severity = severity_names[worst(m)];
    if (m->count > 1)
        return arena_printf(arena, "[webhost] %s: %zu notices", severity, m->count);
    return arena_printf(arena, "[webhost] %s: %s", m->notices[0].resolved ? "resolved" : severity,
                        m->notices[0].kind);
}

static const char *plain_notice(const struct notice_record *n, struct arena *arena)
{
    char at[TIME_TEXT_MAX];
    return arena_printf(arena, "%s\n%s, %s%s, %s%s%s\n", n->text, n->kind,
                        severity_names[n->severity], n->resolved ? ", resolved" : "",
                        time_text(n->created_at, at), n->customer_id ? ", customer " : "",
                        n->customer_id ? n->customer_id : "");
}

const char *message_plain(const struct message *m, struct arena *arena)
{
    _cleanup_buf_ struct buf out = BUF_INIT((size_t)4 << 20);
    for (size_t i = 0; i < m->count; i++)
        (void)buf_printf(&out, "%s%s", i ? "\n" : "", plain_notice(&m->notices[i], arena));
    return arena_text(arena, buf_text(&out));
}

/* -- JSON -------------------------------------------------------------------------------------- */

static json_t *notice_json(const struct notice_record *n)
{
    return json_encode(notice_fields, n, JSON_OMIT_ABSENT);
}

/* https://www.standardwebhooks.com: type, timestamp, data. */
static json_t *webhook(const struct message *m)
{
    json_t *data = json_array();
    for (size_t i = 0; i < m->count; i++)
        (void)json_array_append_new(data, notice_json(&m->notices[i]));
    if (m->count > 1)
        return json_pack("{s:s, s:o, s:{s:o}}", "type", "notice.digest", "timestamp",
                         time_json(m->at), "data", "notices", data);
    json_t *one = json_incref(json_array_get(data, 0));
    json_decref(data);
    return json_pack("{s:s, s:o, s:o}", "type", m->notices[0].kind, "timestamp", time_json(m->at),
                     "data", one);
}

static json_t *alert(const struct notice_record *n)
{
    json_t *labels = json_pack("{s:s, s:s, s:s}", "alertname", n->kind, "severity",
                               severity_names[n->severity], "job", "webhost");
    if (n->customer_id)
        (void)json_object_set_new(labels, "customer_id", json_string(n->customer_id));
    json_t *ends = n->resolved ? time_json(n->created_at) : json_string("0001-01-01T00:00:00Z");
    return json_pack("{s:s, s:o, s:{s:s}, s:o, s:o, s:s, s:s}", "status",
                     n->resolved ? "resolved" : "firing", "labels", labels, "annotations",
                     "summary", n->text, "startsAt", time_json(n->created_at), "endsAt", ends,
                     "generatorURL", "", "fingerprint", key_of(n));
}

/* https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, version 4. */
static json_t *alertmanager(const struct message *m, const char *receiver)
{
    json_t *alerts = json_array();
    for (size_t i = 0; i < m->count; i++)
        (void)json_array_append_new(alerts, alert(&m->notices[i]));
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:{}, s:{s:s}, s:{}, s:s, s:o}", "version", "4",
                     "groupKey", m->count == 1 ? key_of(&m->notices[0]) : m->id, "truncatedAlerts",
                     0, "status", all_resolved(m) ? "resolved" : "firing", "receiver", receiver,
                     "groupLabels", "commonLabels", "job", "webhost", "commonAnnotations",
                     "externalURL", "", "alerts", alerts);
}

/* &, < and > are control characters of its text. */
static void append_slack(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '&')
            (void)buf_append_text(out, "&amp;");
        else if (*c == '<')
            (void)buf_append_text(out, "&lt;");
        else if (*c == '>')
            (void)buf_append_text(out, "&gt;");
        else
            (void)buf_append_char(out, *c);
    }
}

static json_t *slack(const struct message *m)
{
    static const char *const marks[] = {":information_source:", ":warning:", ":rotating_light:"};
    _cleanup_buf_ struct buf out = BUF_INIT((size_t)1 << 20);
    for (size_t i = 0; i < m->count; i++) {
        const struct notice_record *n = &m->notices[i];
        const char *mark = n->resolved ? ":white_check_mark:" : marks[n->severity];
        (void)buf_printf(&out, "%s%s ", i ? "\n" : "", mark);
        append_slack(&out, n->text);
    }
    return json_pack("{s:s}", "text", buf_text(&out));
}

/* At most SUMMARY_MAX bytes, whole characters of UTF-8. */
static const char *shortened(const char *text, struct arena *arena)
{
    size_t len = strnlen(text, SUMMARY_MAX + 1);
    if (len <= SUMMARY_MAX)
        return text;
    len = SUMMARY_MAX;
    while ((text[len] & 0xc0) == 0x80)
        len--;
    return arena_text_n(arena, text, len);
}

/* https://developer.pagerduty.com/docs/events-api-v2/trigger-events */
static json_t *pagerduty(const struct message *m, const struct secret *key, struct arena *arena)
{
    static const char *const severities[] = {"info", "warning", "critical"};
    json_t *details = json_array();
    for (size_t i = 0; i < m->count; i++)
        (void)json_array_append_new(details, notice_json(&m->notices[i]));
    const char *summary = shortened(message_summary(m, arena), arena);
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:o, s:{s:o}}}", "routing_key",
                     secret_expose(key), "event_action", all_resolved(m) ? "resolve" : "trigger",
                     "dedup_key", m->count == 1 ? key_of(&m->notices[0]) : m->id, "payload",
                     "summary", summary, "source", "webhost", "severity", severities[worst(m)],
                     "timestamp", time_json(m->at), "custom_details", "notices", details);
}

const char *message_json(enum target_kind kind, const struct message *m, const char *receiver,
                         const struct secret *key, struct arena *arena)
{
    _cleanup_json_ json_t *body = kind == TARGET_ALERTMANAGER ? alertmanager(m, receiver)
                                  : kind == TARGET_SLACK      ? slack(m)
                                  : kind == TARGET_PAGERDUTY  ? pagerduty(m, key, arena)
                                                              : webhook(m);
    BUG_ON(!body);
    return json_text(body, arena);
}
