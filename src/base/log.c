#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"

#include <inttypes.h>

#define LOG_LINE_MAX 16384

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static enum log_level log_least = LOG_INFO;
static enum log_format log_format = LOG_FORMAT_TEXT;

void log_configure(enum log_level least, enum log_format format)
{
    log_least = least;
    log_format = format;
}

/* A JSON string; control characters are escaped, so a line stays one line. */
static void append_quoted(struct buf *b, const char *text)
{
    (void)buf_append_char(b, '"');
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            (void)buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            (void)buf_printf(b, "\\u%04x", c);
        else
            (void)buf_append_char(b, (char)c);
    }
    (void)buf_append_char(b, '"');
}

static bool is_bare(const char *text)
{
    if (!*text)
        return false;
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p <= ' ' || *p == '"' || *p == '=' || *p == 0x7f)
            return false;
    }
    return true;
}

static void format_text(struct buf *b, const char *time, enum log_level level, const char *event,
                        const struct log_field *fields)
{
    (void)buf_printf(b, "%s %-5s %s", time, level_names[level], event);
    for (const struct log_field *f = fields; f->name; f++) {
        (void)buf_printf(b, " %s=", f->name);
        if (!f->text)
            (void)buf_printf(b, "%" PRId64, f->number);
        else if (is_bare(f->text))
            (void)buf_append_text(b, f->text);
        else
            append_quoted(b, f->text);
    }
}

static void format_json(struct buf *b, const char *time, enum log_level level, const char *event,
                        const struct log_field *fields)
{
    (void)buf_printf(b, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", time, level_names[level]);
    append_quoted(b, event);
    for (const struct log_field *f = fields; f->name; f++) {
        (void)buf_append_char(b, ',');
        append_quoted(b, f->name);
        (void)buf_append_char(b, ':');
        if (f->text)
            append_quoted(b, f->text);
        else
            (void)buf_printf(b, "%" PRId64, f->number);
    }
    (void)buf_append_char(b, '}');
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (level < log_least)
        return;
    char time[TIME_TEXT_MAX];
    (void)time_text(clock_now(&clock_system), time);
    struct buf line = BUF_INIT(LOG_LINE_MAX);
    if (log_format == LOG_FORMAT_JSON)
        format_json(&line, time, level, event, fields);
    else
        format_text(&line, time, level, event, fields);
    if (buf_is_full(&line)) { /* never cut a JSON line in two: say less instead */
        buf_reset(&line);
        format_json(&line, time, level, "log line too long", (const struct log_field[]){{0}});
    }
    (void)buf_append_char(&line, '\n');
    ssize_t written = write(STDERR_FILENO, buf_text(&line), line.len);
    (void)written; /* a log that cannot be written has nobody to tell */
    buf_release(&line);
}
