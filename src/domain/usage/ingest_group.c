#include "domain/usage/ingest_group.h"

#include "base/array.h"
#include "infra/json/json.h"
#include "ingest.sql.h"

enum { FIRST_ROOM = 1024 /* items of a group's arrays */ };

struct stored_key {
    const char *token_id, *key, *request_hash, *body;
};

static const struct field stored_key_fields[] = {
    {"token_id", FIELD_TEXT, offsetof(struct stored_key, token_id)},
    {"key", FIELD_TEXT, offsetof(struct stored_key, key)},
    {"request_hash", FIELD_TEXT, offsetof(struct stored_key, request_hash)},
    {"body", FIELD_TEXT, offsetof(struct stored_key, body)},
    FIELD_END,
};

struct stored_id {
    const char *customer_id;
    int64_t hash_high, hash_low;
};

static const struct field stored_id_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct stored_id, customer_id)},
    {"hash_high", FIELD_INT, offsetof(struct stored_id, hash_high)},
    {"hash_low", FIELD_INT, offsetof(struct stored_id, hash_low)},
    FIELD_END,
};

/* A user with windows that may not be stored yet. */
struct new_user {
    uint32_t hour; /* index into a store's hours */
    uint64_t cell_hash;
    int64_t user_hash, windows;
};

/* One try of the transaction. */
struct store {
    struct ingest_group *group;
    struct arena arena;
    int64_t now;
    struct usage_hour *hours; /* of all batches, one for each customer and hour */
    size_t hour_count, hour_room;
    struct table hour_table;
    struct new_user *users; /* likewise */
    size_t user_count, user_room;
    struct table user_table;
};

const char *ingest_reply_text(const struct usage_batch *b, struct arena *arena)
{
    _cleanup_json_ json_t *errors = json_array();
    for (size_t i = 0; i < b->refused_count && i < USAGE_REFUSED_MAX; i++)
        (void)json_array_append_new(errors, json_pack("{s:I, s:o}", "index",
                                                      (json_int_t)b->refused[i].index, "reason",
                                                      json_from_text(b->refused[i].reason)));
    _cleanup_json_ json_t *reply = json_pack(
        "{s:I, s:I, s:I, s:O}", "accepted", (json_int_t)b->accepted, "refused",
        (json_int_t)b->refused_count, "duplicate", (json_int_t)b->skipped, "errors", errors);
    return json_text(reply, arena);
}

/* -- keys ------------------------------------------------------------------------------------- */

static enum err replay(struct db_tx *tx, struct ingest_batch *b, struct error *e)
{
    struct stored_key stored;
    TRY(db_get(tx, &usage_key_find,
               DB_ARGS(db_text(b->request->token_id), db_text(b->request->key)), stored_key_fields,
               b->arena, &stored, e));
    b->replayed = true;
    b->body = stored.body;
    if (!text_eq(stored.request_hash, b->fingerprint))
        (void)error_set(&b->error, ERR_INVALID,
                        "this Idempotency-Key was used for another request; use a new one");
    return OK;
}

static bool is_among(const struct records *fresh, const struct ingest_request *request)
{
    const struct stored_key *keys = fresh->items;
    for (size_t i = 0; i < fresh->count; i++) {
        if (text_eq(keys[i].key, request->key) && text_eq(keys[i].token_id, request->token_id))
            return true;
    }
    return false;
}

/* Sorted, so that two nodes that insert the same keys wait for each other in one order. */
static int compare_keys(const void *a, const void *b)
{
    const struct db_value *x = a, *y = b;
    int order = strcmp(x[1].text, y[1].text);
    return order != 0 ? order : strcmp(x[0].text, y[0].text);
}

/* Keys come first: what was counted before is not looked at any further. */
static enum err store_keys(struct db_tx *tx, struct store *s, struct error *e)
{
    enum { WIDTH = 4 };
    size_t count = 0;
    for (struct ingest_batch *b = s->group->first; b; b = b->next)
        count += b->request->key != NULL;
    struct db_value *rows = arena_new_array(&s->arena, count * WIDTH, struct db_value);
    struct db_value *row = rows;
    for (struct ingest_batch *b = s->group->first; b; b = b->next) {
        if (!b->request->key)
            continue;
        *row++ = db_text(b->request->token_id);
        *row++ = db_text(b->request->key);
        *row++ = db_text(b->fingerprint);
        *row++ = db_text(b->body);
    }
    if (count > 1)
        qsort(rows, count, WIDTH * sizeof(*rows), compare_keys);
    struct records fresh;
    TRY(db_list_rows(tx, &usage_keys_insert, DB_ARGS(db_int(s->now)), rows, WIDTH, count,
                     stored_key_fields, sizeof(struct stored_key), &s->arena, &fresh, e));
    for (struct ingest_batch *b = s->group->first; b && fresh.count < count; b = b->next) {
        if (b->request->key && !is_among(&fresh, b->request))
            TRY(replay(tx, b, e));
    }
    return OK;
}

/* -- ids of events ---------------------------------------------------------------------------- */

static bool same_id(const struct usage_event_id *a, const struct usage_event_id *b)
{
    return a->hash[0] == b->hash[0] && a->hash[1] == b->hash[1] &&
           text_eq(a->customer_id, b->customer_id);
}

static int compare_ids(const void *a, const void *b)
{
    const struct usage_event_id *x = *(const struct usage_event_id *const *)a;
    const struct usage_event_id *y = *(const struct usage_event_id *const *)b;
    int order = strcmp(x->customer_id, y->customer_id);
    for (size_t i = 0; i < ARRAY_LEN(x->hash) && order == 0; i++)
        order = (x->hash[i] > y->hash[i]) - (x->hash[i] < y->hash[i]);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* Finds the batch's ids that are new; of an id that it has twice, the first event. */
static enum err insert_ids(struct db_tx *tx, struct store *s, const struct ingest_batch *b,
                           uint8_t *skip, struct error *e)
{
    enum { WIDTH = 3 };
    const struct usage_event_id **ids =
        arena_new_array(&s->arena, b->id_count, const struct usage_event_id *);
    for (size_t i = 0; i < b->id_count; i++)
        ids[i] = &b->ids[i];
    qsort(ids, b->id_count, sizeof(*ids), compare_ids);

    struct table table;
    table_init(&table, 1024);
    struct db_value *rows = arena_new_array(&s->arena, b->id_count * WIDTH, struct db_value);
    size_t count = 0;
    for (size_t i = 0; i < b->id_count; i++) {
        const struct usage_event_id *id = ids[i];
        skip[id->index / 8] |= (uint8_t)(1 << id->index % 8); /* until it turns out to be new */
        if (i > 0 && same_id(id, ids[i - 1]))
            continue;
        struct db_value *row = rows + count++ * WIDTH;
        row[0] = db_text(id->customer_id);
        row[1] = (struct db_value){DB_INT, (int64_t)id->hash[0], NULL};
        row[2] = (struct db_value){DB_INT, (int64_t)id->hash[1], NULL};
        table_add(&table, id->hash[0], (uint32_t)i);
    }
    struct records fresh;
    enum err err =
        db_list_rows(tx, &usage_event_ids_insert, DB_ARGS(db_int(s->now)), rows, WIDTH, count,
                     stored_id_fields, sizeof(struct stored_id), &s->arena, &fresh, e);
    for (size_t i = 0; err == OK && i < fresh.count; i++) {
        const struct stored_id *row = (const struct stored_id *)fresh.items + i;
        const struct usage_event_id id = {
            .customer_id = row->customer_id,
            .hash = {(uint64_t)row->hash_high, (uint64_t)row->hash_low},
        };
        TABLE_EACH(&table, id.hash[0], at)
        {
            const struct usage_event_id *ours = ids[table_item(&table, at)];
            if (same_id(ours, &id))
                skip[ours->index / 8] &= (uint8_t) ~(1 << ours->index % 8);
        }
    }
    table_release(&table);
    return err;
}

static enum err store_ids(struct db_tx *tx, struct store *s, struct ingest_batch *b,
                          struct error *e)
{
    uint8_t *skip = arena_alloc(&s->arena, USAGE_EVENTS_MAX / 8 + 1);
    TRY(insert_ids(tx, s, b, skip, e));
    bool any = false;
    for (size_t i = 0; i <= USAGE_EVENTS_MAX / 8 && !any; i++)
        any = skip[i] != 0;
    if (!any && !b->parsed_again)
        return OK;
    struct usage_request again = b->parsed_as;
    again.skip = skip;
    again.want_ids = false;
    b->parsed_again = true;
    struct usage_batch counted;
    TRY(usage_parse(b->parser, &again, b->arena, &counted, e));
    usage_batch_release(&b->batch);
    b->batch = counted;
    b->body = ingest_reply_text(&b->batch, b->arena);
    if (!b->request->key)
        return OK;
    return db_exec(
        tx, &usage_key_reply,
        DB_ARGS(db_text(b->request->token_id), db_text(b->request->key), db_text(b->body)), NULL,
        e);
}

/* -- sums ------------------------------------------------------------------------------------- */

static bool is_hour_of(const struct usage_hour *hour, const struct usage_cell *cell)
{
    return hour->hour == cell->hour && text_eq(hour->customer_id, cell->customer_id);
}

/* The index of the cell's hour among the group's. */
static uint32_t hour_of(struct store *s, const struct usage_cell *cell)
{
    TABLE_EACH(&s->hour_table, cell->hash, at)
    {
        if (is_hour_of(&s->hours[table_item(&s->hour_table, at)], cell))
            return table_item(&s->hour_table, at);
    }
    s->hours =
        array_with_room(s->hours, s->hour_count, &s->hour_room, FIRST_ROOM, sizeof(*s->hours));
    s->hours[s->hour_count] =
        (struct usage_hour){.customer_id = cell->customer_id, .hour = cell->hour};
    table_add(&s->hour_table, cell->hash, (uint32_t)s->hour_count);
    return (uint32_t)s->hour_count++;
}

static void add_marks(struct store *s, const struct usage_batch *b, const uint32_t *hours)
{
    for (size_t i = 0; i < b->accepted; i++)
        usage_mark_add(&b->marks[i], &s->hours[hours[b->marks[i].cell]]);
}

/* -- users ------------------------------------------------------------------------------------ */

static struct seen_set *seen_set(const struct store *s, uint64_t cell_hash, int64_t user_hash)
{
    return &s->group->seen[table_mix(cell_hash ^ (uint64_t)user_hash) % SEEN_SETS];
}

/* NULL when it is not there. */
static struct seen_user *find_seen(struct seen_set *set, uint64_t cell_hash, int64_t user_hash)
{
    for (size_t i = 0; i < SEEN_WAYS; i++) {
        struct seen_user *u = &set->users[i];
        if (u->cell_hash == cell_hash && u->user_hash == user_hash)
            return u;
    }
    return NULL;
}

static bool is_seen(const struct store *s, uint64_t cell_hash, const struct usage_user *u)
{
    const struct seen_user *seen =
        find_seen(seen_set(s, cell_hash, u->user_hash), cell_hash, u->user_hash);
    return seen && (u->windows & ~seen->windows) == 0;
}

/* After the commit: what failed is written again. */
static void remember_users(const struct store *s)
{
    for (size_t i = 0; i < s->user_count; i++) {
        const struct new_user *u = &s->users[i];
        struct seen_set *set = seen_set(s, u->cell_hash, u->user_hash);
        struct seen_user *seen = find_seen(set, u->cell_hash, u->user_hash);
        if (seen) {
            seen->windows |= u->windows;
            continue;
        }
        memmove(&set->users[1], &set->users[0], (SEEN_WAYS - 1) * sizeof(set->users[0]));
        set->users[0] = (struct seen_user){u->cell_hash, u->user_hash, u->windows};
    }
}

static void add_user(struct store *s, uint32_t hour, uint64_t cell_hash,
                     const struct usage_user *from)
{
    uint64_t hash = table_mix((uint64_t)from->user_hash ^ hour);
    TABLE_EACH(&s->user_table, hash, at)
    {
        struct new_user *to = &s->users[table_item(&s->user_table, at)];
        if (to->hour == hour && to->user_hash == from->user_hash) {
            to->windows |= from->windows;
            return;
        }
    }
    s->users =
        array_with_room(s->users, s->user_count, &s->user_room, FIRST_ROOM, sizeof(*s->users));
    s->users[s->user_count] = (struct new_user){hour, cell_hash, from->user_hash, from->windows};
    table_add(&s->user_table, hash, (uint32_t)s->user_count++);
}

static void add_users(struct store *s, const struct usage_batch *b, const uint32_t *hours)
{
    for (size_t i = 0; i < b->user_count; i++) {
        const struct usage_user *u = &b->users[i];
        uint64_t cell_hash = b->cells[u->cell].hash;
        if (!is_seen(s, cell_hash, u))
            add_user(s, hours[u->cell], cell_hash, u);
    }
}

static bool counts(const struct ingest_batch *b)
{
    return !b->replayed && b->error.code == OK;
}

static void add_up(struct store *s)
{
    for (const struct ingest_batch *b = s->group->first; b; b = b->next) {
        if (!counts(b))
            continue;
        uint32_t *hours = arena_new_array(&s->arena, b->batch.cell_count, uint32_t);
        for (size_t i = 0; i < b->batch.cell_count; i++)
            hours[i] = hour_of(s, &b->batch.cells[i]);
        add_marks(s, &b->batch, hours);
        add_users(s, &b->batch, hours);
    }
}

static int compare_users(const void *a, const void *b)
{
    const struct db_value *x = a, *y = b;
    int order = strcmp(x[0].text, y[0].text);
    for (size_t i = 1; i <= 2 && order == 0; i++)
        order = (x[i].number > y[i].number) - (x[i].number < y[i].number);
    return order;
}

static enum err store_users(struct db_tx *tx, struct store *s, struct error *e)
{
    enum { WIDTH = 4 };
    struct db_value *rows = arena_new_array(&s->arena, s->user_count * WIDTH, struct db_value);
    for (size_t i = 0; i < s->user_count; i++) {
        const struct new_user *u = &s->users[i];
        struct db_value *row = rows + i * WIDTH;
        row[0] = db_text(s->hours[u->hour].customer_id);
        row[1] = db_int(s->hours[u->hour].hour);
        row[2] = (struct db_value){DB_INT, u->user_hash, NULL};
        row[3] = db_int(u->windows);
    }
    if (s->user_count > 1)
        qsort(rows, s->user_count, WIDTH * sizeof(*rows), compare_users);
    return db_exec_rows(tx, &usage_users_add, DB_NO_ARGS, rows, WIDTH, s->user_count, NULL, e);
}

/* -- the transaction -------------------------------------------------------------------------- */

static enum err store_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct store *s = arg;
    arena_release(&s->arena);
    table_clear(&s->hour_table, s->hour_table.size);
    table_clear(&s->user_table, s->user_table.size);
    s->hour_count = s->user_count = 0;
    for (struct ingest_batch *b = s->group->first; b; b = b->next) {
        b->replayed = false;
        b->error.code = OK;
    }
    TRY(store_keys(tx, s, e));
    for (struct ingest_batch *b = s->group->first; b; b = b->next) {
        if (counts(b) && b->id_count > 0)
            TRY(store_ids(tx, s, b, e));
    }
    add_up(s);
    TRY(usage_hours_add(tx, s->now, s->hours, s->hour_count, &s->arena, e));
    return store_users(tx, s, e);
}

enum err ingest_group_store(struct ingest_group *group, struct error *e)
{
    struct store s = {.group = group, .now = env_now(group->env)};
    table_init(&s.hour_table, 1024);
    table_init(&s.user_table, 1024);
    enum err err = db_write_relaxed(group->env->db, store_work, &s, e);
    if (err == OK)
        remember_users(&s);
    free(s.hours);
    free(s.users);
    table_release(&s.hour_table);
    table_release(&s.user_table);
    arena_release(&s.arena);
    return err;
}
