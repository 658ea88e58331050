/*
 * Short names for the members that shapes are written with; for the files that hold shapes only.
 */
#ifndef WEBHOST_APP_API_REPLY_MEMBERS_H
#define WEBHOST_APP_API_REPLY_MEMBERS_H

/* Members that are there in every reply. */
#define TEXT(name_, help_)                                                                         \
    {                                                                                              \
        name_, FIELD_TEXT, .required = true, .help = help_                                         \
    }
#define NUMBER(name_, help_)                                                                       \
    {                                                                                              \
        name_, FIELD_INT, .required = true, .help = help_                                          \
    }
#define DECIMAL(name_, help_)                                                                      \
    {                                                                                              \
        name_, FIELD_DECIMAL, .required = true, .help = help_                                      \
    }
#define ANY(name_, help_)                                                                          \
    {                                                                                              \
        name_, FIELD_JSON, .help = help_                                                           \
    }

#define FIELDS(...)                                                                                \
    (const struct field[])                                                                         \
    {                                                                                              \
        __VA_ARGS__, FIELD_END                                                                     \
    }

#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

#endif
