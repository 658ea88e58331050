/*
 * The only C++ of the product, because simdjson is C++. No exceptions: simdjson returns errors, and
 * running out of memory stops the process.
 */
#include "infra/scan/scan.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include <simdjson.h>

static_assert(SCAN_PADDING >= simdjson::SIMDJSON_PADDING, "simdjson reads further");

namespace od = simdjson::ondemand;
using simdjson::error_code;

namespace
{

constexpr size_t KEPT_CAPACITY = size_t(1) << 20; /* a larger parser is not kept */
constexpr size_t FIRST_CAPACITY = size_t(64) << 10;
constexpr size_t WINDOW_MAX = FIRST_CAPACITY; /* lines that simdjson looks over in one go */
constexpr size_t WINDOW_MIN = 1024;           /* fewer are not worth it */
constexpr unsigned WINDOWS_BROKEN_MAX = 8;
constexpr size_t NAME_SLOTS = 128;
constexpr int NOT_WANTED = -1;

/* JSON, but not the object or list that it should be. simdjson has no error like it. */
constexpr error_code OTHER_SHAPE = simdjson::INDEX_OUT_OF_BOUNDS;

error_code shape_error(error_code error)
{
    return error == simdjson::INCORRECT_TYPE ? OTHER_SHAPE : error;
}

uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* A wanted member: its name and the quote behind it, as the words that JSON has of them. */
struct wanted {
    static constexpr size_t LEN_MAX = 3 * sizeof(uint64_t) - 1;
    uint64_t words[3], masks[3];
    size_t len;
    int member;
    const wanted *follows; /* the one that came behind it last time */

    void set(struct str name)
    {
        char text[sizeof(words)] = {}, mask[sizeof(words)] = {};
        memcpy(text, name.ptr, name.len);
        text[name.len] = '"';
        memset(mask, 0xff, name.len + 1);
        memcpy(words, text, sizeof(words));
        memcpy(masks, mask, sizeof(masks));
        len = name.len;
    }

    /* Makes it one that is nowhere. */
    void set_none()
    {
        *this = {{1}, {0}, 0, NOT_WANTED, nullptr};
    }

    /* Whether this name stands at `raw` and ends there. */
    bool is_at(const char *raw) const
    {
        return (((load_word(raw) & masks[0]) ^ words[0]) |
                ((load_word(raw + 8) & masks[1]) ^ words[1]) |
                ((load_word(raw + 16) & masks[2]) ^ words[2])) == 0;
    }
};

static_assert(SCAN_PADDING > wanted::LEN_MAX, "a name is compared beyond the end of the input");

/*
 * Finds a member's number by its name. Senders write the members of all objects in the same order,
 * so the one that followed last time is tried first; others are found by open addressing over
 * length, first and last byte.
 */
class name_table
{
    wanted names[SCAN_MEMBERS_MAX];
    wanted start, none; /* what the first member follows, and what nobody wrote */
    wanted *slots[NAME_SLOTS];
    wanted *last;

    static size_t hash(struct str s)
    {
        auto first = static_cast<unsigned char>(s.ptr[0]);
        auto last = static_cast<unsigned char>(s.ptr[s.len - 1]);
        return (s.len * 31 + first * 7u + last) % NAME_SLOTS;
    }

  public:
    name_table() : names{}, start{}, none{}, slots{}, last(&start)
    {
        none.set_none();
        start.follows = none.follows = &none;
    }

    void add(struct str name, int member)
    {
        if (member >= SCAN_MEMBERS_MAX || name.len == 0 || name.len > wanted::LEN_MAX)
            abort();
        size_t at = hash(name);
        while (slots[at])
            at = (at + 1) % NAME_SLOTS;
        slots[at] = &names[member];
        names[member].set(name);
        names[member].member = member;
        names[member].follows = &none;
    }

    void begin_object()
    {
        last = &start;
    }

    /* The member that followed last time, if it does again; `raw` is behind the opening quote. */
    int guess(const char *raw, struct str *ret_name)
    {
        const wanted *next = last->follows;
        if (!next->is_at(raw))
            return NOT_WANTED;
        last = &names[next->member];
        *ret_name = {raw, next->len};
        return next->member;
    }

    int find(struct str name)
    {
        if (name.len == 0 || name.len > wanted::LEN_MAX)
            return NOT_WANTED;
        wanted sought = {};
        sought.set(name);
        for (size_t at = hash(name); slots[at]; at = (at + 1) % NAME_SLOTS) {
            if (memcmp(slots[at]->words, sought.words, sizeof(sought.words)) == 0) {
                last->follows = slots[at];
                last = slots[at];
                return last->member;
            }
        }
        return NOT_WANTED;
    }
};

} // namespace

struct scanner {
    od::parser parser;
    name_table outer, inner;
    int inner_of = 0; /* the number that `outer` has for it */
    struct scan_object object {
    };
    struct scan_value values[SCAN_MEMBERS_MAX + 1];
};

namespace
{

struct str view(std::string_view s)
{
    return {s.data(), s.size()};
}

/* True for each byte (its high bit) of `word` that is `c`, and maybe for bytes above one that is.
 */
uint64_t bytes_that_are(uint64_t word, char c)
{
    constexpr uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t x = word ^ (ones * static_cast<unsigned char>(c));
    return (x - ones) & ~x & highs;
}

/*
 * The text behind an opening quote when it has no escapes: a view. Most have none. The first stage
 * of simdjson has seen the closing quote.
 */
bool plain_text(const char *raw, struct str *ret)
{
    for (const char *p = raw;; p += sizeof(uint64_t)) {
        uint64_t word = load_word(p);
        uint64_t quotes = bytes_that_are(word, '"'), escapes = bytes_that_are(word, '\\');
        if (!(quotes | escapes))
            continue;
        /* The lowest mark of each is exact (the machine is little-endian, as x86 and ARM are). */
        if (escapes && (!quotes || (escapes & -escapes) < (quotes & -quotes)))
            return false;
        p += __builtin_ctzll(quotes) / 8;
        *ret = {raw, static_cast<size_t>(p - raw)};
        return true;
    }
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "plain_text() counts from the low end");

error_code read_key(od::field &field, struct str *ret)
{
    if (plain_text(field.key().raw(), ret))
        return simdjson::SUCCESS;
    std::string_view text;
    error_code error = field.unescaped_key().get(text);
    *ret = view(text);
    return error;
}

/* The key, and which member it names; NOT_WANTED. */
[[gnu::noinline]] error_code find_name(name_table &names, od::field &field, struct str *ret,
                                       int *ret_member)
{
    if (error_code error = read_key(field, ret))
        return error;
    *ret_member = names.find(*ret);
    return simdjson::SUCCESS;
}

inline error_code read_name(name_table &names, od::field &field, struct str *ret, int *ret_member)
{
    *ret_member = names.guess(field.key().raw(), ret);
    return *ret_member != NOT_WANTED ? simdjson::SUCCESS : find_name(names, field, ret, ret_member);
}

error_code read_text(od::value &value, struct str *ret)
{
    od::raw_json_string raw;
    if (error_code error = value.get_raw_json_string().get(raw))
        return error;
    if (plain_text(raw.raw(), ret))
        return simdjson::SUCCESS;
    std::string_view text;
    error_code error = value.get_string().get(text);
    *ret = view(text);
    return error;
}

error_code read_number(od::value &value, struct scan_value *ret)
{
    od::number number;
    if (error_code error = value.get_number().get(number))
        return error;
    ret->type = number.is_int64() ? SCAN_WHOLE : SCAN_REAL;
    ret->whole = number.is_int64() ? number.get_int64() : 0;
    ret->real = number.as_double();
    return simdjson::SUCCESS;
}

error_code read(od::value &value, struct scan_value *ret, int depth);

error_code visit_object(od::value &value, int depth)
{
    od::object object;
    if (error_code error = value.get_object().get(object))
        return error;
    for (auto result : object) {
        struct str key;
        struct scan_value ignored;
        if (error_code error = result.error())
            return error;
        od::field &field = result.value_unsafe();
        if (error_code error = read_key(field, &key))
            return error;
        if (error_code error = read(field.value(), &ignored, depth + 1))
            return error;
    }
    return simdjson::SUCCESS;
}

error_code visit_list(od::value &value, int depth)
{
    od::array list;
    if (error_code error = value.get_array().get(list))
        return error;
    for (auto result : list) {
        od::value item;
        struct scan_value ignored;
        if (error_code error = result.get(item))
            return error;
        if (error_code error = read(item, &ignored, depth + 1))
            return error;
    }
    return simdjson::SUCCESS;
}

error_code read(od::value &value, struct scan_value *ret, int depth)
{
    if (depth > SCAN_DEPTH_MAX)
        return simdjson::DEPTH_ERROR;
    od::json_type type;
    if (error_code error = value.type().get(type))
        return error;
    bool truth;
    switch (type) {
    case od::json_type::string:
        ret->type = SCAN_TEXT;
        return read_text(value, &ret->text);
    case od::json_type::number:
        return read_number(value, ret);
    case od::json_type::boolean:
        ret->type = SCAN_BOOL;
        return value.get_bool().get(truth);
    case od::json_type::null:
        ret->type = SCAN_NULL;
        if (error_code error = value.is_null().get(truth))
            return error;
        return truth ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
    case od::json_type::object:
        ret->type = SCAN_OTHER;
        return visit_object(value, depth);
    case od::json_type::array:
        ret->type = SCAN_OTHER;
        return visit_list(value, depth);
    }
    return simdjson::TAPE_ERROR;
}

/* Marks a member as given; true when it was before. */
bool note(struct scan_object *object, int member, struct str name)
{
    uint32_t bit = uint32_t(1) << member;
    if (object->given & bit && object->twice.len == 0)
        object->twice = name;
    bool before = object->given & bit;
    object->given |= bit;
    return before;
}

error_code read_inner(struct scanner *s, od::value &value)
{
    od::object object;
    if (error_code error = value.get_object().get(object))
        return error;
    s->inner.begin_object();
    for (auto result : object) {
        struct str key;
        struct scan_value other;
        if (error_code error = result.error())
            return error;
        od::field &field = result.value_unsafe(); /* get() would copy it, which takes as long */
        int member;
        if (error_code error = read_name(s->inner, field, &key, &member))
            return error;
        if (member == NOT_WANTED && s->object.inner_other.len == 0)
            s->object.inner_other = key.len > 0 ? key : STR("\"\"");
        bool keep = member != NOT_WANTED && !note(&s->object, member, key);
        if (error_code error = read(field.value(), keep ? &s->values[member] : &other, 2))
            return error;
    }
    return simdjson::SUCCESS;
}

error_code read_member(struct scanner *s, od::field &field)
{
    struct str key;
    struct scan_value other;
    int member;
    if (error_code error = read_name(s->outer, field, &key, &member))
        return error;
    bool keep = member != NOT_WANTED && !note(&s->object, member, key);
    if (keep && member == s->inner_of) {
        od::json_type type;
        if (error_code error = field.value().type().get(type))
            return error;
        if (type == od::json_type::object) {
            s->object.inner_given = true;
            return read_inner(s, field.value());
        }
    }
    return read(field.value(), keep ? &s->values[member] : &other, 1);
}

error_code read_object(struct scanner *s, od::object object)
{
    s->outer.begin_object();
    s->object.given = 0;
    s->object.inner_given = false;
    s->object.twice = s->object.inner_other = STR("");
    for (auto result : object) {
        if (error_code error = result.error())
            return error;
        if (error_code error = read_member(s, result.value_unsafe()))
            return error;
    }
    return simdjson::SUCCESS;
}

const char *fault_text(error_code error)
{
    switch (error) {
    case simdjson::UTF8_ERROR:
        return "is not UTF-8";
    case simdjson::DEPTH_ERROR:
        return "is nested too deeply";
    case OTHER_SHAPE:
        return "is not a JSON object";
    case simdjson::EMPTY:
        return "is empty";
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS:
        return "is not JSON: a text has a wrong escape or a control character";
    case simdjson::UNCLOSED_STRING:
        return "is not JSON: a text does not end";
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE:
        return "has a number that is malformed or too large";
    case simdjson::MEMALLOC:
        abort();
    default:
        return "is not JSON";
    }
}

/* A parser that had to grow for one input does not stay so large. */
void shrink(struct scanner *s)
{
    if (s->parser.capacity() <= KEPT_CAPACITY)
        return;
    s->parser = od::parser();
    if (s->parser.allocate(FIRST_CAPACITY))
        abort();
}

error_code nothing_behind(od::document &document)
{
    const char *at;
    error_code error = document.current_location().get(at);
    return error == simdjson::OUT_OF_BOUNDS ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
}

error_code read_document(struct scanner *s, struct str text)
{
    od::document document;
    od::object object;
    if (error_code error =
            s->parser.iterate(text.ptr, text.len, text.len + SCAN_PADDING).get(document))
        return error;
    if (error_code error = document.get_object().get(object))
        return shape_error(error);
    if (error_code error = read_object(s, object))
        return error;
    return nothing_behind(document);
}

} // namespace

struct scanner *scanner_new(const struct scan_names *names)
{
    auto *s = new (std::nothrow) struct scanner;
    if (!s || s->parser.allocate(FIRST_CAPACITY))
        abort();
    s->parser.threaded = false;
    int members = 0;
    for (const char *const *name = names->outer; *name; name++)
        s->outer.add(str_from(*name), members++);
    for (const char *const *name = names->inner; *name; name++)
        s->inner.add(str_from(*name), members++);
    if (members >= SCAN_MEMBERS_MAX)
        abort();
    s->inner_of = members;
    s->outer.add(str_from(names->inner_of), s->inner_of);
    s->object.values = s->values;
    return s;
}

void scanner_free(struct scanner *scanner)
{
    delete scanner;
}

const char *scan_one(struct scanner *s, struct str text, scan_taker *take, void *arg)
{
    error_code error = read_document(s, text);
    s->object.index = 0;
    s->object.fault = nullptr;
    if (!error)
        (void)take(&s->object, arg);
    shrink(s);
    return error ? fault_text(error) : nullptr;
}

static error_code read_list(struct scanner *s, struct str text, scan_taker *take, void *arg)
{
    od::document document;
    od::array list;
    if (error_code error =
            s->parser.iterate(text.ptr, text.len, text.len + SCAN_PADDING).get(document))
        return error;
    if (error_code error = document.get_array().get(list))
        return shape_error(error);
    s->object.index = 0;
    s->object.fault = nullptr;
    for (auto result : list) {
        od::value item;
        od::object object;
        if (error_code error = result.get(item))
            return error;
        if (error_code error = item.get_object().get(object))
            return shape_error(error);
        if (error_code error = read_object(s, object))
            return error;
        if (!take(&s->object, arg))
            return simdjson::SUCCESS;
        s->object.index++;
    }
    return nothing_behind(document);
}

const char *scan_list(struct scanner *s, struct str text, scan_taker *take, void *arg)
{
    error_code error = read_list(s, text, take, arg);
    shrink(s);
    if (error == OTHER_SHAPE)
        return "is not a JSON list of objects";
    return error ? fault_text(error) : nullptr;
}

/* --- lines --- */

namespace
{

bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *skip_blank(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* The first line with something on it, trimmed, and in `ret_behind` where it ends. */
bool first_line(struct str text, struct str *ret_line, const char **ret_behind)
{
    const char *end = text.ptr + text.len, *begin = skip_blank(text.ptr, end);
    if (begin == end)
        return false;
    auto *newline = static_cast<const char *>(memchr(begin, '\n', end - begin));
    const char *last = newline ? newline : end;
    *ret_behind = last;
    while (is_blank(last[-1]))
        last--;
    *ret_line = {begin, static_cast<size_t>(last - begin)};
    return true;
}

struct str from(const char *at, struct str text)
{
    return {at, static_cast<size_t>(text.ptr + text.len - at)};
}

/* Whole lines, as many as simdjson looks over in one go. */
struct str window_of(struct str text)
{
    if (text.len <= WINDOW_MAX)
        return text;
    auto *newline = static_cast<const char *>(memrchr(text.ptr, '\n', WINDOW_MAX));
    return {text.ptr, newline ? static_cast<size_t>(newline - text.ptr) : 0};
}

/*
 * Reads the object that the stream is at. It must be what `line` holds, no less and no more: then
 * simdjson stands where the next line begins.
 */
bool read_line_of_stream(struct scanner *s, od::document_stream::iterator &it, struct str line,
                         const char *next_line, const char *end)
{
    od::object object;
    od::document_reference document;
    if ((*it).get(document) || document.get_object().get(object) || read_object(s, object))
        return false;
    const char *at = end;
    error_code error = document.current_location().get(at);
    return line.ptr[line.len - 1] == '}' &&
           (error ? error == simdjson::OUT_OF_BOUNDS && next_line == end : at == next_line);
}

/*
 * Reads lines until one is not an object alone; that one is for scan_line(), which knows why.
 * Where it begins, or the window's end; NULL when enough was taken.
 */
const char *scan_window(struct scanner *s, struct str window, scan_taker *take, void *arg)
{
    const char *at = window.ptr, *end = window.ptr + window.len, *behind;
    od::document_stream stream;
    if (s->parser.iterate_many(window.ptr, window.len, WINDOW_MAX).get(stream))
        return at;
    s->object.fault = nullptr;
    for (auto it = stream.begin(); it != stream.end(); ++it) {
        struct str line;
        if (!first_line(from(at, window), &line, &behind) ||
            window.ptr + it.current_index() != line.ptr ||
            !read_line_of_stream(s, it, line, skip_blank(behind, end), end))
            break;
        if (!take(&s->object, arg))
            return nullptr;
        s->object.index++;
        at = behind;
    }
    return skip_blank(at, end);
}

/* One line by itself; false when enough was taken. */
bool scan_line(struct scanner *s, struct str line, scan_taker *take, void *arg)
{
    s->object.fault = "is longer than a line may be";
    if (line.len <= SCAN_LINE_MAX) {
        error_code error = read_document(s, line);
        s->object.fault = error ? fault_text(error) : nullptr;
    }
    bool more = take(&s->object, arg);
    s->object.index++;
    return more;
}

} // namespace

/* A body full of broken lines is not looked over again from each of them. */
const char *scan_lines(struct scanner *s, struct str text, scan_taker *take, void *arg)
{
    s->object.index = 0;
    unsigned broken = 0;
    struct str line;
    const char *at = text.ptr;
    bool more = true;
    while (more && first_line(text, &line, &at)) {
        struct str window = window_of(text);
        if (window.len >= WINDOW_MIN && broken < WINDOWS_BROKEN_MAX) {
            at = scan_window(s, window, take, arg);
            more = at != nullptr;
            broken += more && at < window.ptr + window.len;
            if (more && at == window.ptr) /* nothing was taken */
                more = first_line(text, &line, &at) && scan_line(s, line, take, arg);
        } else {
            more = scan_line(s, line, take, arg);
        }
        if (more)
            text = from(at, text);
    }
    shrink(s);
    return nullptr;
}
