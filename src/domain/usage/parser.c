#include "domain/usage/parser.h"

#include "base/array.h"
#include "infra/archive/gunzip.h"

#include <stdatomic.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    SUBJECTS_MAX = 20000,    /* remembered from batch to batch */
    SUBJECT_NAME_MAX = 1024, /* bytes: no customer's id or slug is as long */
    TABLE_FIRST = 1024,
    TABLE_KEEP = 65536,
    ID_TEXT_MAX = 512,
    KEPT_BYTES = 1 << 20, /* of the body, for the next one */
    FIRST_ROOM_MIN = 256, /* items of a batch's arrays */
    FIRST_ROOM_MAX = 4096,
};

/* Room for the first items of an array of a batch, when the last batch had so many. */
static size_t first_room(size_t before)
{
    return before < FIRST_ROOM_MIN   ? FIRST_ROOM_MIN
           : before < FIRST_ROOM_MAX ? before
                                     : FIRST_ROOM_MAX;
}

/* -- names ------------------------------------------------------------------------------------ */

struct usage_names {
    atomic_uint users; /* the last one frees */
    struct arena arena;
};

static struct usage_names *names_new(void)
{
    struct usage_names *names = calloc(1, sizeof(*names));
    BUG_ON(!names);
    atomic_init(&names->users, 1);
    return names;
}

static struct usage_names *names_share(struct usage_names *names)
{
    atomic_fetch_add(&names->users, 1);
    return names;
}

static void names_put(struct usage_names *names)
{
    if (!names || atomic_fetch_sub(&names->users, 1) != 1)
        return;
    arena_release(&names->arena);
    free(names);
}

void usage_batch_release(struct usage_batch *batch)
{
    free(batch->cells);
    free(batch->marks);
    free(batch->users);
    free(batch->ids);
    names_put(batch->names);
    memset(batch, 0, sizeof(*batch));
}

/* -- subjects --------------------------------------------------------------------------------- */

static void forget_subjects(struct usage_parser *p, int64_t now)
{
    names_put(p->names); /* batches that wait to be stored have them still */
    p->names = names_new();
    p->subject_count = 0;
    table_clear(&p->subject_table, TABLE_KEEP);
    p->subjects_since = now;
}

static bool look_up(struct usage_parser *p, struct subject *s)
{
    s->asked = p->number;
    s->id = NULL;
    if (s->name.len <= SUBJECT_NAME_MAX &&
        p->options.find(p->options.arg, s->name, &p->names->arena, &s->id, &p->failure) != OK)
        return false;
    s->id_hash = s->id ? XXH3_64bits(s->id, strlen(s->id)) : 0;
    if (!s->id && ++p->unknown > USAGE_UNKNOWN_MAX)
        return error_set(&p->failure, ERR_INVALID,
                         "the body names more than %d customers that do not exist",
                         USAGE_UNKNOWN_MAX) == OK;
    return true;
}

struct subject *parser_subject(struct usage_parser *p, struct str name)
{
    uint64_t hash = XXH3_64bits(name.ptr, name.len);
    TABLE_EACH(&p->subject_table, hash, at)
    {
        struct subject *s = &p->subjects[table_item(&p->subject_table, at)];
        if (!str_eq(s->name, name))
            continue;
        /* Who was unknown a batch ago may have signed up. */
        bool settled = s->id || s->asked == p->number || p->request->skip;
        return settled || look_up(p, s) ? s : NULL;
    }
    struct subject s = {
        .name = {arena_text_n(&p->names->arena, name.ptr, name.len), name.len},
    };
    if (!look_up(p, &s))
        return NULL;
    p->subjects =
        array_with_room(p->subjects, p->subject_count, &p->subject_room, first_room(0), sizeof(s));
    p->subjects[p->subject_count] = s;
    table_add(&p->subject_table, hash, (uint32_t)p->subject_count);
    return &p->subjects[p->subject_count++];
}

/* -- what adds up ----------------------------------------------------------------------------- */

static uint64_t cell_hash(const struct subject *subject, int64_t hour)
{
    return table_mix(subject->id_hash ^ (uint64_t)hour);
}

/* Subjects that are one customer by two names share its cells. */
static bool is_cell_of(const struct usage_cell *cell, const struct subject *subject, int64_t hour)
{
    return cell->hour == hour &&
           (cell->customer_id == subject->id || text_eq(cell->customer_id, subject->id));
}

static uint32_t new_cell(struct usage_parser *p, const struct subject *subject, int64_t hour,
                         uint64_t hash)
{
    struct usage_batch *b = &p->batch;
    b->cells = array_with_room(b->cells, b->cell_count, &p->cell_room, first_room(p->cells_before),
                               sizeof(*b->cells));
    b->cells[b->cell_count] = (struct usage_cell){subject->id, hour, hash};
    table_add(&p->cell_table, hash, (uint32_t)b->cell_count);
    return (uint32_t)b->cell_count++;
}

bool parser_cell(struct usage_parser *p, struct subject *subject, int64_t hour, uint32_t *ret_index)
{
    if (subject->batch == p->number && subject->hour == hour) {
        *ret_index = subject->cell;
        return true;
    }
    uint32_t found = UINT32_MAX;
    uint64_t hash = cell_hash(subject, hour);
    TABLE_EACH(&p->cell_table, hash, at)
    {
        if (is_cell_of(&p->batch.cells[table_item(&p->cell_table, at)], subject, hour)) {
            found = table_item(&p->cell_table, at);
            break;
        }
    }
    if (found == UINT32_MAX && p->batch.cell_count == USAGE_CELLS_MAX)
        return error_set(&p->failure, ERR_TOO_LARGE,
                         "the body has events of more than %d customers and hours; send fewer at "
                         "a time",
                         USAGE_CELLS_MAX) == OK;
    subject->batch = p->number;
    subject->hour = hour;
    subject->cell = found != UINT32_MAX ? found : new_cell(p, subject, hour, hash);
    *ret_index = subject->cell;
    return true;
}

struct usage_mark *parser_mark(struct usage_parser *p, uint32_t cell)
{
    struct usage_batch *b = &p->batch;
    b->marks = array_with_room(b->marks, b->accepted, &p->mark_room, first_room(p->marks_before),
                               sizeof(*b->marks));
    struct usage_mark *mark = &b->marks[b->accepted++];
    *mark = (struct usage_mark){.cell = cell};
    return mark;
}

void parser_user(struct usage_parser *p, uint32_t cell, int64_t user_hash, int64_t windows)
{
    struct usage_batch *b = &p->batch;
    uint64_t hash = table_mix((uint64_t)user_hash ^ cell);
    TABLE_EACH(&p->user_table, hash, at)
    {
        struct usage_user *user = &b->users[table_item(&p->user_table, at)];
        if (user->cell == cell && user->user_hash == user_hash) {
            user->windows |= windows;
            return;
        }
    }
    if (b->user_count == USAGE_USERS_MAX) {
        (void)error_set(&p->failure, ERR_TOO_LARGE,
                        "the body has more than %d users of an hour; send fewer events at a time",
                        USAGE_USERS_MAX);
        return;
    }
    b->users = array_with_room(b->users, b->user_count, &p->user_room, first_room(p->users_before),
                               sizeof(*b->users));
    b->users[b->user_count] = (struct usage_user){cell, user_hash, windows};
    table_add(&p->user_table, hash, (uint32_t)b->user_count++);
}

void parser_id(struct usage_parser *p, uint32_t index, const char *customer_id, struct str source,
               struct str id)
{
    char text[ID_TEXT_MAX];
    BUG_ON(source.len + 1 + id.len > sizeof(text));
    memcpy(text, source.ptr, source.len);
    text[source.len] = '\0';
    memcpy(text + source.len + 1, id.ptr, id.len);

    struct usage_batch *b = &p->batch;
    b->ids = array_with_room(b->ids, b->id_count, &p->id_room, first_room(0), sizeof(*b->ids));
    struct usage_event_id *kept = &b->ids[b->id_count++];
    *kept = (struct usage_event_id){.index = index, .customer_id = customer_id};
    keyed_hash_wide(p->options.ids, (struct str){text, source.len + 1 + id.len}, kept->hash);
}

/* -- a body ----------------------------------------------------------------------------------- */

static bool take(const struct scan_object *object, void *arg)
{
    struct usage_parser *p = arg;
    struct usage_batch *b = &p->batch;
    if (object->index == USAGE_EVENTS_MAX)
        return error_set(&p->failure, ERR_TOO_LARGE,
                         "the body has more than %d events; send fewer at a time",
                         USAGE_EVENTS_MAX) == OK;
    const char *reason = event_add(p, object);
    if (reason && b->refused_count++ < USAGE_REFUSED_MAX)
        b->refused[b->refused_count - 1] = (struct usage_refused){object->index, reason};
    return p->failure.code == OK;
}

/* What a failed one left is used again. */
static void begin(struct usage_parser *p, const struct usage_request *request, struct arena *arena)
{
    p->number++;
    p->request = request;
    p->arena = arena;
    p->batch.cell_count = p->batch.user_count = p->batch.id_count = 0;
    p->batch.accepted = p->batch.refused_count = p->batch.skipped = 0;
    p->unknown = 0;
    p->failure.code = OK;
    table_clear(&p->cell_table, TABLE_KEEP);
    table_clear(&p->user_table, TABLE_KEEP);
    if (request->skip)
        return; /* the same body again: it may be inside of a transaction, and asks nobody */
    if (request->now - p->subjects_since > CUSTOMERS_KEPT_US || p->subject_count > SUBJECTS_MAX)
        forget_subjects(p, request->now);
}

static enum err scan(struct usage_parser *p, struct error *e)
{
    struct str text = p->text;
    enum usage_format format = p->request->format;
    const char *first = text.ptr;
    while (first < text.ptr + text.len && strchr(" \t\r\n", *first))
        first++;
    if (first == text.ptr + text.len)
        return error_set(e, ERR_INVALID, "the body is empty; it must hold events");
    if (format == USAGE_ONE && *first == '[')
        format = USAGE_BATCH;
    if (format != USAGE_NDJSON && text.len > USAGE_LIST_MAX)
        return error_set(e, ERR_TOO_LARGE,
                         "the body is one JSON text of over %zu bytes; send application/x-ndjson, "
                         "with one event on each line, or fewer events at a time",
                         USAGE_LIST_MAX);
    const char *fault = format == USAGE_NDJSON  ? scan_lines(p->scanner, text, take, p)
                        : format == USAGE_BATCH ? scan_list(p->scanner, text, take, p)
                                                : scan_one(p->scanner, text, take, p);
    if (fault)
        return error_set(e, ERR_INVALID, "the body %s", fault);
    return OK;
}

static enum err copy(struct usage_parser *p, const struct usage_body *body, struct error *e)
{
    static const char padding[SCAN_PADDING];
    p->copy.max = USAGE_BODY_MAX;
    if (body->gzip && gunzip(body->text, &p->copy, e) != OK)
        return error_prefix(e, "the body");
    if (!body->gzip && !buf_append_str(&p->copy, body->text))
        return error_set(e, ERR_TOO_LARGE, "the body is over %zu bytes", USAGE_BODY_MAX);
    size_t len = p->copy.len;
    p->copy.max = USAGE_BODY_MAX + SCAN_PADDING;
    BUG_ON(!buf_append(&p->copy, padding, sizeof(padding)));
    p->text = (struct str){p->copy.ptr, len};
    return OK;
}

enum err usage_load(struct usage_parser *p, const struct usage_body *body, struct error *e)
{
    buf_reset(&p->copy);
    p->text = (struct str){0};
    if (body->gzip || body->readable < SCAN_PADDING || body->text.len > USAGE_BODY_MAX)
        return copy(p, body, e);
    p->text = body->text;
    return OK;
}

static void give_batch(struct usage_parser *p, struct usage_batch *ret)
{
    p->cells_before = p->batch.cell_count;
    p->marks_before = p->batch.accepted;
    p->users_before = p->batch.user_count;
    *ret = p->batch;
    ret->names = names_share(p->names);
    memset(&p->batch, 0, sizeof(p->batch));
    p->cell_room = p->mark_room = p->user_room = p->id_room = 0;
}

enum err usage_parse(struct usage_parser *p, const struct usage_request *request,
                     struct arena *arena, struct usage_batch *ret_batch, struct error *e)
{
    BUG_ON(!p->text.ptr); /* nothing was loaded */
    begin(p, request, arena);
    TRY(scan(p, e));
    if (p->failure.code != OK)
        return error_set(e, p->failure.code, "%s", p->failure.text);
    give_batch(p, ret_batch);
    return OK;
}

void usage_unload(struct usage_parser *p)
{
    p->text = (struct str){0};
    buf_reset(&p->copy);
    if (p->copy.cap > KEPT_BYTES)
        buf_release(&p->copy);
    usage_batch_release(&p->batch);
    p->cell_room = p->mark_room = p->user_room = p->id_room = 0;
}

struct usage_parser *usage_parser_new(const struct usage_parser_options *options)
{
    struct usage_parser *p = calloc(1, sizeof(*p));
    BUG_ON(!p);
    p->options = *options;
    p->scanner = scanner_new(&event_names);
    p->names = names_new();
    p->copy = BUF_INIT(USAGE_BODY_MAX + SCAN_PADDING);
    table_init(&p->subject_table, TABLE_FIRST);
    table_init(&p->cell_table, TABLE_FIRST);
    table_init(&p->user_table, TABLE_FIRST);
    return p;
}

void usage_parser_free(struct usage_parser *p)
{
    if (!p)
        return;
    scanner_free(p->scanner);
    buf_release(&p->copy);
    usage_batch_release(&p->batch);
    names_put(p->names);
    free(p->subjects);
    table_release(&p->subject_table);
    table_release(&p->cell_table);
    table_release(&p->user_table);
    free(p);
}
