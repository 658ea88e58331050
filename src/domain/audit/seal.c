#include "domain/audit/seal.h"

#include "audit.sql.h"
#include "base/log.h"

#define SEAL_BATCH 1000
#define SEAL_WIDTH 3

/* -- the head --------------------------------------------------------------------------------- */

struct head_row {
    int64_t seq, first_seq, broken_seq, sealed_at;
    const char *hash, *first_hash, *mac;
};

#define AT(member) offsetof(struct head_row, member)

static const struct field head_fields[] = {
    {"seq", FIELD_INT, AT(seq)},
    {"hash", FIELD_TEXT, AT(hash)},
    {"first_seq", FIELD_INT, AT(first_seq)},
    {"first_hash", FIELD_TEXT, AT(first_hash)},
    {"broken_seq", FIELD_INT, AT(broken_seq)},
    {"sealed_at", FIELD_INT, AT(sealed_at)},
    {"mac", FIELD_TEXT, AT(mac)},
    FIELD_END,
};

/* No host or app, whose passwords follow from the key too, has a space in its name. */
static struct secret *mac_of(const struct audit_head *h, const struct secret *key)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *name =
        arena_printf(&arena, "the audit head %lld:%s %lld:%s %lld", (long long)h->last.seq,
                     h->last.hash, (long long)h->first.seq, h->first.hash,
                     h->broken_seq == INT_ABSENT ? -1LL : (long long)h->broken_seq);
    return secret_derive(key, name);
}

/* A schema that was just made has no mac and no entry yet. */
static bool is_authentic(const struct audit_head *h, const char *mac, const struct secret *key)
{
    if (!mac)
        return h->last.seq == 0 && h->first.seq == 0 && h->broken_seq == INT_ABSENT &&
               text_eq(h->last.hash, audit_genesis.hash);
    struct secret *wanted = mac_of(h, key);
    bool same = text_eq(secret_expose(wanted), mac);
    secret_free(wanted);
    return same;
}

static struct audit_link link_of(int64_t seq, const char *hash)
{
    struct audit_link link = {.seq = seq};
    (void)snprintf(link.hash, sizeof(link.hash), "%s", hash);
    return link;
}

static enum err head_by(struct db_tx *tx, const struct db_query *query, const struct secret *key,
                        struct audit_head *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct head_row row;
    TRY(db_get(tx, query, DB_NO_ARGS, head_fields, &arena, &row, e));
    struct audit_head head = {
        .last = link_of(row.seq, row.hash),
        .first = link_of(row.first_seq, row.first_hash),
        .broken_seq = row.broken_seq,
        .sealed_at = row.sealed_at,
    };
    head.authentic = is_authentic(&head, row.mac, key);
    *ret = head;
    return OK;
}

enum err audit_head_read(struct db_tx *tx, const struct secret *key, struct audit_head *ret,
                         struct error *e)
{
    enum err err = head_by(tx, &audit_head_get, key, ret, e);
    return err == ERR_NOT_FOUND
               ? error_set(e, ERR_CORRUPT, "the head of the audit record was deleted")
               : err;
}

static void head_write(struct db_tx *tx, const struct audit_head *h, const struct secret *key)
{
    struct secret *mac = mac_of(h, key);
    db_post(tx, &audit_head_put,
            DB_ARGS(db_int(h->last.seq), db_text(h->last.hash), db_int(h->first.seq),
                    db_text(h->first.hash), db_int(h->broken_seq), db_int(h->sealed_at),
                    db_text(secret_expose(mac))),
            NULL);
    secret_free(mac);
}

/* -- sealing ---------------------------------------------------------------------------------- */

struct seal_work {
    const struct env *env;
    const struct secret *key;
    bool any;
    size_t sealed;
    struct audit_head head;
};

static enum err any_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct seal_work *w = arg;
    int64_t found;
    TRY(db_get_int(tx, &audit_unsealed_any, DB_NO_ARGS, &found, e));
    w->any = found != INT_ABSENT;
    return OK;
}

/* Gives each the next number and its hash. */
static void number(struct seal_work *w, struct records rows, struct db_value *values,
                   struct arena *arena)
{
    struct audit_link *last = &w->head.last;
    struct audit_entry *items = rows.items;
    for (size_t i = 0; i < rows.count; i++) {
        char hash[HASH_TEXT_MAX];
        items[i].seq = last->seq + 1;
        _cleanup_json_ json_t *entry = audit_entry_json(&items[i]);
        *last = link_of(items[i].seq, audit_hash(entry, last->hash, hash));
        values[i * SEAL_WIDTH] = db_text(items[i].id);
        values[i * SEAL_WIDTH + 1] = db_int(items[i].seq);
        values[i * SEAL_WIDTH + 2] = db_text(arena_text(arena, hash));
    }
}

static enum err seal_batch(struct db_tx *tx, struct seal_work *w, struct arena *arena,
                           struct error *e)
{
    struct records rows;
    TRY(db_list(tx, &audit_unsealed_page, DB_ARGS(db_int(SEAL_BATCH)), audit_fields,
                sizeof(struct audit_entry), SEAL_BATCH, arena, &rows, e));
    if (rows.count == 0)
        return OK;
    if (!w->head.authentic && w->head.broken_seq == INT_ABSENT)
        w->head.broken_seq = w->head.last.seq;
    struct db_value *values = arena_new_array(arena, rows.count * SEAL_WIDTH, struct db_value);
    number(w, rows, values, arena);
    w->head.sealed_at = env_now(w->env);
    TRY(db_exec_rows(tx, &audit_put_seals, DB_NO_ARGS, values, SEAL_WIDTH, rows.count, NULL, e));
    head_write(tx, &w->head, w->key);
    w->sealed = rows.count;
    return OK;
}

static enum err seal_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct seal_work *w = arg;
    _cleanup_arena_ struct arena arena = {0};
    w->sealed = 0;
    enum err err = head_by(tx, &audit_head_take, w->key, &w->head, e);
    if (err == ERR_NOT_FOUND)
        return OK; /* another node has it just now */
    TRY(err);
    return seal_batch(tx, w, &arena, e);
}

enum err audit_seal(const struct env *env, const struct secret *key, int64_t *ret_sealed,
                    struct error *e)
{
    struct seal_work w = {.env = env, .key = key};
    int64_t sealed = 0;
    TRY(db_read(env->db, any_work, &w, e));
    if (w.any) {
        do {
            TRY(db_write_relaxed(env->db, seal_work, &w, e));
            if (w.sealed > 0 && !w.head.authentic)
                log_error("the head of the audit record is not what this installation wrote",
                          LOG_INT("seq", w.head.broken_seq));
            sealed += (int64_t)w.sealed;
        } while (w.sealed == SEAL_BATCH);
    }
    if (ret_sealed)
        *ret_sealed = sealed;
    return OK;
}

enum err audit_unsealed(struct db_tx *tx, int64_t max, int64_t *ret_count, struct error *e)
{
    return db_get_int(tx, &audit_unsealed_count, DB_ARGS(db_int(max)), ret_count, e);
}

/* -- pruning ---------------------------------------------------------------------------------- */

/* How many entries at the front are old enough. */
static size_t count_old(struct records rows, int64_t before)
{
    const struct audit_entry *items = rows.items;
    size_t n = 0;
    if (rows.count == 0 || items[0].at >= before - USEC_PER_DAY)
        return 0;
    while (n < rows.count && items[n].at < before)
        n++;
    return n;
}

enum err audit_prune(struct db_tx *tx, const struct env *env, const struct secret *key,
                     int64_t before, int64_t max, struct arena *arena, int64_t *ret_deleted,
                     struct error *e)
{
    struct audit_head head;
    struct records rows;
    TRY(head_by(tx, &audit_head_wait, key, &head, e));
    if (!head.authentic)
        return error_set(
            e, ERR_CORRUPT,
            "the head of the audit record is not what this installation wrote: nothing "
            "is deleted; see webhost audit verify");
    BUG_ON(max < 1 || max > SEAL_BATCH);
    TRY(db_list(tx, &audit_chain,
                DB_ARGS(db_int(head.first.seq), db_int(head.last.seq), db_int(max)), audit_fields,
                sizeof(struct audit_entry), SEAL_BATCH, arena, &rows, e));
    size_t old = count_old(rows, before);
    *ret_deleted = (int64_t)old;
    if (old == 0)
        return OK;
    const struct audit_entry *last = (const struct audit_entry *)rows.items + old - 1;
    head.first = link_of(last->seq, last->hash);
    if (head.broken_seq != INT_ABSENT && head.broken_seq < last->seq)
        head.broken_seq = INT_ABSENT; /* it is gone with the entries around it */
    TRY(db_exec(tx, &audit_delete_through, DB_ARGS(db_int(last->seq)), NULL, e));
    head_write(tx, &head, key);
    const char *details =
        arena_printf(arena, "{\"through\":%lld,\"hash\":\"%s\"}", (long long)last->seq, last->hash);
    return audit_write(tx, env, arena, "system", "audit.pruned", "audit", details, e);
}
