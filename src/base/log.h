/*
 * Structured logs: one line per event on standard error, a sentence and named values.
 *
 *     log_info("job finished", LOG_TEXT("job", id), LOG_INT("attempt", 2));
 *
 * as `2026-11-23T17:20:00.123456Z info job finished job=... attempt=2`, or one JSON object a line.
 * A line is written whole with one write(2), so threads never mix. Only app/ and the background
 * loops log; libraries and the domain return errors instead. Secrets have no log field type.
 */
#ifndef WEBHOST_BASE_LOG_H
#define WEBHOST_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *name; /* NULL ends the list */
    const char *text; /* NULL: the value is `number` */
    int64_t number;
};

/* A function and not a conditional in the macro: arrays are never NULL, and compilers say so. */
static inline struct log_field log_text_field(const char *name, const char *value)
{
    return (struct log_field){name, value ? value : "", 0};
}

#define LOG_TEXT(name, value) log_text_field((name), (value))
#define LOG_INT(name, value)  ((struct log_field){(name), NULL, (int64_t)(value)})

/* Applies to the whole process; call before starting threads. The default is text at info. */
void log_configure(enum log_level least, enum log_format format);

void log_write(enum log_level level, const char *event, const struct log_field *fields);

#define LOG_FIELDS_(...)                                                                           \
    (const struct log_field[])                                                                     \
    {                                                                                              \
        __VA_ARGS__ __VA_OPT__(, )                                                                 \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

#define log_debug(event, ...) log_write(LOG_DEBUG, (event), LOG_FIELDS_(__VA_ARGS__))
#define log_info(event, ...)  log_write(LOG_INFO, (event), LOG_FIELDS_(__VA_ARGS__))
#define log_warn(event, ...)  log_write(LOG_WARN, (event), LOG_FIELDS_(__VA_ARGS__))
#define log_error(event, ...) log_write(LOG_ERROR, (event), LOG_FIELDS_(__VA_ARGS__))

#endif
