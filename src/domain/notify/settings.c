#include "domain/notify/settings.h"

#include "domain/notify/hours.h"
#include "infra/http/mail.h"

#define URL_MAX         2000
#define TARGET_NAME_MAX 60
#define KINDS_MAX       50

const char *const severity_names[] = {"info", "warning", "critical", NULL};
const char *const target_kind_names[] = {"webhook",   "alertmanager", "slack",
                                         "pagerduty", "email",        NULL};

static const char *name_check(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *c))
            return "must have only small letters, digits and -";
    }
    return *text ? NULL : "must not be empty";
}

static const char *url_check(const char *text)
{
    struct str s = str_from(text);
    bool web = str_starts_with(s, STR("https://")) || str_starts_with(s, STR("http://"));
    return web || !mail_server_check(text) ? NULL : "must be an http, https, smtp or smtps URL";
}

#define TARGET(member) offsetof(struct notify_target, member)

static const struct field target_fields[] = {
    {"name", FIELD_TEXT, TARGET(name), .required = true, .max_len = TARGET_NAME_MAX,
     .check = name_check},
    {"kind", FIELD_ENUM, TARGET(kind), .required = true, .names = target_kind_names},
    {"url", FIELD_TEXT, TARGET(url), .max_len = URL_MAX, .check = url_check},
    {"url_file", FIELD_TEXT, TARGET(url_file), .max_len = URL_MAX},
    {"secret_file", FIELD_TEXT, TARGET(secret_file), .max_len = URL_MAX},
    {"username", FIELD_TEXT, TARGET(username)},
    {"from", FIELD_TEXT, TARGET(from), .check = mail_address_check},
    {"to", FIELD_TEXTS, TARGET(to), .max = 20, .check = mail_address_check},
    {"severity", FIELD_ENUM, TARGET(severity), .names = severity_names},
    {"kinds", FIELD_TEXTS, TARGET(kinds), .max = KINDS_MAX},
    {"quiet_from", FIELD_TEXT, TARGET(quiet_from), .check = time_of_day_check},
    {"quiet_until", FIELD_TEXT, TARGET(quiet_until), .check = time_of_day_check},
    {"digest_at", FIELD_TEXT, TARGET(digest_at), .check = time_of_day_check},
    FIELD_END,
};

#define SETTING(member) offsetof(struct notify_settings, member)

const struct field notify_settings_fields[] = {
    {"targets", FIELD_OBJECTS, SETTING(targets), .max = NOTIFY_TARGETS_MAX, .fields = target_fields,
     .item_size = sizeof(struct notify_target)},
    {"timeout_ms", FIELD_INT, SETTING(timeout_ms), .min = 100, .max = 60000},
    {"dedupe_minutes", FIELD_INT, SETTING(dedupe_minutes), .min = 0, .max = 10080},
    {"keep_days", FIELD_INT, SETTING(keep_days), .min = 1, .max = 3650},
    FIELD_END,
};

struct notify_settings notify_settings_default(void)
{
    return (struct notify_settings){.timeout_ms = 10000, .dedupe_minutes = 60, .keep_days = 90};
}

const struct notify_target *notify_target(const struct notify_settings *settings, const char *name)
{
    const struct notify_target *items = settings->targets.items;
    for (size_t i = 0; i < settings->targets.count; i++) {
        if (text_eq(items[i].name, name))
            return &items[i];
    }
    return NULL;
}

bool notify_wants(const struct notify_target *t, const char *kind, enum severity severity)
{
    if (t->severity >= 0 && (int)severity < t->severity)
        return false;
    for (size_t i = 0; i < t->kinds.count; i++) {
        struct str want = str_from(t->kinds.items[i]);
        bool whole_kind = want.len && want.ptr[want.len - 1] == '.';
        if (whole_kind ? str_starts_with(str_from(kind), want) : text_eq(kind, want.ptr))
            return true;
    }
    return t->kinds.count == 0;
}

/* -- what only the whole of a target tells ------------------------------------------------------
 */

static void check_mail(const struct notify_target *t, const char *path, struct problems *problems)
{
    if (!t->url || mail_server_check(t->url))
        problem_add(problems, path, 0, "needs url: smtp://HOST:PORT or smtps://HOST:PORT");
    if (!t->from)
        problem_add(problems, path, 0, "needs from, the sender's address");
    if (t->to.count == 0)
        problem_add(problems, path, 0, "needs to, a list of addresses");
    if (t->username && !t->secret_file)
        problem_add(problems, path, 0, "needs secret_file, with the password of username");
}

static void check_web(const struct notify_target *t, const char *path, struct problems *problems)
{
    if (!t->url && !t->url_file && t->kind != TARGET_PAGERDUTY)
        problem_add(problems, path, 0, "needs url, or url_file with it in a file");
    if (t->url && t->url_file)
        problem_add(problems, path, 0, "has both url and url_file: keep one");
    if (t->url && !mail_server_check(t->url))
        problem_add(problems, path, 0, "needs an http or https url");
    if (t->kind == TARGET_PAGERDUTY && !t->secret_file)
        problem_add(problems, path, 0, "needs secret_file, with the integration's routing key");
}

void notify_settings_check(const struct notify_settings *settings, struct problems *problems)
{
    const struct notify_target *items = settings->targets.items;
    for (size_t i = 0; i < settings->targets.count; i++) {
        const struct notify_target *t = &items[i];
        const char *path = arena_printf(problems->arena, "notify.targets[%zu]", i);
        if (notify_target(settings, t->name) != t)
            problem_add(problems, path, 0, "has the name %s, which another target has", t->name);
        if (!t->quiet_from != !t->quiet_until)
            problem_add(problems, path, 0, "needs both quiet_from and quiet_until, or none");
        if (t->kind == TARGET_EMAIL)
            check_mail(t, path, problems);
        else
            check_web(t, path, problems);
    }
}
