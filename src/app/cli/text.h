/*
 * Text for people: what a terminal can show, and values written the way people say them.
 */
#ifndef WEBHOST_APP_CLI_TEXT_H
#define WEBHOST_APP_CLI_TEXT_H

#include "base/arena.h"

struct terminal {
    bool is_tty;
    bool colors;
    bool utf8;     /* the locale can show more than ASCII */
    size_t width;  /* columns; 80 when it is not a terminal */
    size_t height; /* lines; 0 when nobody knows */
};

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* With COLOR_AUTO, NO_COLOR, TERM=dumb and not being a terminal turn colours off. */
struct terminal terminal_of(FILE *stream, enum color_choice color);

enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_BUSY, TONE_STRONG, TONE_FAINT, TONES };

/* libsmartcols' and our own escape sequence of a tone; NULL when plain. */
const char *tone_sequence(enum tone tone);

/* What the state of a thing ("active", "failed", "retryable") means to the reader. */
enum tone tone_of_state(const char *state);

/*
 * Writes text that came from elsewhere: control characters, with which it could move the cursor or
 * set the window's title, are shown as \xNN.
 */
void put_text(FILE *out, const char *text);

/* put_text() in a tone when the terminal has colours. */
void put_tone(FILE *out, const struct terminal *terminal, enum tone tone, const char *text);

/*
 * Breaks text at spaces into lines of at most `width` columns, each after `indent` spaces except
 * the first, which starts where the cursor is. Lines in the text itself are kept.
 */
void put_wrapped(FILE *out, const char *text, size_t indent, size_t width);

/* "now", "45s ago", "2m ago", "3h ago", "5d ago"; "in 2m" for times to come. */
const char *time_ago(int64_t time_us, int64_t now_us, struct arena *arena);

#endif
