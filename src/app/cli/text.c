#include "app/cli/text.h"

#include "base/clock.h"
#include "base/err.h"

#include <sys/ioctl.h>

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST   40

static size_t width_of(int fd)
{
    int64_t columns;
    const char *given = getenv("COLUMNS");
    if (given && str_to_i64(str_from(given), &columns) && columns >= WIDTH_LEAST &&
        columns <= 10000)
        return (size_t)columns;
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_LEAST)
        return size.ws_col;
    return WIDTH_DEFAULT;
}

/* What the locale's encoding is by its name, as locale(7) tells which variable counts. */
static bool locale_is_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value && value[0])
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static size_t height_of(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

struct terminal terminal_of(FILE *stream, enum color_choice color)
{
    struct terminal t = {
        .width = WIDTH_DEFAULT, .utf8 = locale_is_utf8(), .colors = color == COLOR_ALWAYS};
    int fd = fileno(stream);
    if (fd < 0 || !isatty(fd))
        return t;
    const char *unwanted = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */
    t.is_tty = true;
    if (color == COLOR_AUTO)
        t.colors = !(unwanted && unwanted[0]) && !text_eq(getenv("TERM"), "dumb");
    t.width = width_of(fd);
    t.height = height_of(fd);
    return t;
}

const char *tone_sequence(enum tone tone)
{
    static const char *const sequences[TONES] = {
        [TONE_GOOD] = "\033[32m",  [TONE_BAD] = "\033[31m",  [TONE_BUSY] = "\033[33m",
        [TONE_STRONG] = "\033[1m", [TONE_FAINT] = "\033[2m",
    };
    return sequences[tone];
}

enum tone tone_of_state(const char *state)
{
    static const struct {
        const char *state;
        enum tone tone;
    } tones[] = {
        {"active", TONE_GOOD},     {"completed", TONE_GOOD}, {"created", TONE_GOOD},
        {"ready", TONE_GOOD},      {"running", TONE_GOOD},   {"started", TONE_GOOD},
        {"failed", TONE_BAD},      {"discarded", TONE_BAD},  {"lost", TONE_BAD},
        {"rolled_back", TONE_BAD}, {"rejected", TONE_BAD},   {"provisioning", TONE_BUSY},
        {"creating", TONE_BUSY},   {"intended", TONE_BUSY},  {"executing", TONE_BUSY},
        {"retryable", TONE_BUSY},  {"retiring", TONE_BUSY},  {"draining", TONE_BUSY},
        {"cancelled", TONE_FAINT}, {"retired", TONE_FAINT},  {"revoked", TONE_FAINT},
        {"deleted", TONE_FAINT},   {"leaving", TONE_BUSY},   {"exporting", TONE_BUSY},
        {"retaining", TONE_BUSY},  {"deleting", TONE_BUSY},  {"done", TONE_FAINT},
        {"missing", TONE_BAD},     {"orphan", TONE_BUSY},    {"changed", TONE_BUSY},
        {"foreign", TONE_BUSY},
    };
    for (size_t i = 0; i < sizeof(tones) / sizeof(tones[0]); i++) {
        if (text_eq(state, tones[i].state))
            return tones[i].tone;
    }
    return TONE_PLAIN;
}

static void put_bytes(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        /* U+0080 to U+009F, the other control characters, are C2 80 to C2 9F in UTF-8. */
        bool high_control = c == 0xc2 && i + 1 < len && ((unsigned char)text[i + 1] & 0xe0) == 0x80;
        if (c < 0x20 || c == 0x7f)
            (void)fprintf(out, "\\x%02x", c);
        else if (high_control)
            (void)fprintf(out, "\\x%02x", (unsigned char)text[++i]);
        else
            (void)fputc(c, out);
    }
}

void put_text(FILE *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

void put_tone(FILE *out, const struct terminal *terminal, enum tone tone, const char *text)
{
    const char *sequence = terminal->colors ? tone_sequence(tone) : NULL;
    (void)fputs(sequence ? sequence : "", out);
    put_text(out, text);
    (void)fputs(sequence ? "\033[0m" : "", out);
}

/* Columns of UTF-8 text: one for each character, which is right for what this program says. */
static size_t columns_of(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return n;
}

static void put_wrapped_line(FILE *out, struct str line, size_t indent, size_t width)
{
    size_t column = indent;
    bool first = true;
    while (line.ptr) {
        struct str word = str_cut(&line, ' ');
        size_t n = columns_of(word);
        if (!first && column + 1 + n > width) {
            (void)fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            (void)fputc(' ', out);
            column++;
        }
        put_bytes(out, word.ptr, word.len);
        column += n;
        first = false;
    }
}

void put_wrapped(FILE *out, const char *text, size_t indent, size_t width)
{
    struct str rest = str_from(text);
    bool first = true;
    while (rest.ptr) {
        struct str line = str_cut(&rest, '\n');
        if (!first)
            (void)fprintf(out, "\n%*s", line.len ? (int)indent : 0, "");
        put_wrapped_line(out, line, indent, width);
        first = false;
    }
}

const char *time_ago(int64_t time_us, int64_t now_us, struct arena *arena)
{
    int64_t seconds = (now_us - time_us) / USEC_PER_SEC;
    bool future = seconds < 0;
    if (future)
        seconds = -seconds;
    if (seconds < 1)
        return "now";
    int64_t number = seconds < 60      ? seconds
                     : seconds < 3600  ? seconds / 60
                     : seconds < 86400 ? seconds / 3600
                                       : seconds / 86400;
    char unit = seconds < 60 ? 's' : seconds < 3600 ? 'm' : seconds < 86400 ? 'h' : 'd';
    return future ? arena_printf(arena, "in %lld%c", (long long)number, unit)
                  : arena_printf(arena, "%lld%c ago", (long long)number, unit);
}
