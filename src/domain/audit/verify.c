#include "domain/audit/verify.h"

#include "audit.sql.h"

#define COMMIT_ORDER_ROWS 10000 /* by which commits may come in another order than ids */

enum { ID, AT, ACTOR, ACTION, SUBJECT, DETAILS, SEQ, HASH };

static void read_entry(const struct db_value *c, struct audit_entry *out)
{
    *out = (struct audit_entry){
        .id = c[ID].text,
        .at = c[AT].number,
        .actor = c[ACTOR].text,
        .action = c[ACTION].text,
        .subject = c[SUBJECT].text,
        .details = c[DETAILS].text,
        .seq = c[SEQ].number,
        .hash = c[HASH].text,
    };
}

/* -- verifying -------------------------------------------------------------------------------- */

static enum err check_row(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct audit_entry entry;
    read_entry(columns, &entry);
    _cleanup_json_ json_t *object = audit_entry_json(&entry);
    audit_check_entry(arg, object, entry.hash, NULL);
    return OK;
}

static void check_head(struct audit_check *c, const struct audit_head *h)
{
    if (!h->authentic)
        audit_check_add(c, AUDIT_HEAD, h->last.seq, h->last.seq,
                        "the head of the record is not what this installation wrote");
    if (h->broken_seq != INT_ABSENT)
        audit_check_add(c, AUDIT_HEAD, h->broken_seq, h->broken_seq,
                        arena_printf(c->arena,
                                     "the head was found forged at entry %lld, and sealing went on "
                                     "behind it",
                                     (long long)h->broken_seq));
}

/* Where the stretch begins, if what is asked for is still there. */
static enum err start_of(const struct audit_request *r, const struct audit_head *h,
                         struct audit_link *ret_from, struct error *e)
{
    bool given = r->after.seq != INT_ABSENT;
    if (given && r->after.seq < h->first.seq)
        return error_set(e, ERR_INVALID,
                         "entries up to %lld were pruned: begin after %lld:%s or a later one",
                         (long long)h->first.seq, (long long)h->first.seq, h->first.hash);
    if (!given && r->expect.seq != INT_ABSENT && r->expect.seq < h->first.seq)
        return error_set(
            e, ERR_INVALID,
            "entry %lld, which is expected, was pruned with those up to %lld: expect a "
            "later one",
            (long long)r->expect.seq, (long long)h->first.seq);
    *ret_from = given ? r->after : h->first;
    return OK;
}

enum err audit_verify(struct db_tx *tx, const struct secret *key,
                      const struct audit_request *request, struct arena *arena,
                      struct audit_report *ret, struct error *e)
{
    struct audit_link from;
    BUG_ON(request->max < 1 || request->max > AUDIT_STRETCH_MAX);
    TRY(audit_head_read(tx, key, &ret->head, e));
    TRY(start_of(request, &ret->head, &from, e));
    TRY(audit_unsealed(tx, AUDIT_UNSEALED_MAX, &ret->unsealed, e));
    struct audit_check *c = &ret->check;
    audit_check_init(c, &from, &request->expect, arena);
    if (request->expect.seq == from.seq && !text_eq(request->expect.hash, from.hash))
        audit_check_add(c, AUDIT_HEAD, from.seq, from.seq,
                        arena_printf(arena, "entry %lld is not the one that was expected",
                                     (long long)from.seq));
    TRY(db_each(tx, &audit_chain,
                DB_ARGS(db_int(from.seq), db_int(INT64_MAX), db_int(request->max)), check_row, c,
                e));
    ret->more = c->checked == request->max;
    if (!ret->more) {
        audit_check_end(c, &ret->head.last);
        check_head(c, &ret->head);
    }
    return OK;
}

static json_t *link_json(const struct audit_link *link)
{
    return json_pack("{s:I, s:s}", "seq", (json_int_t)link->seq, "hash", link->hash);
}

json_t *audit_report_json(const struct audit_report *r)
{
    char text[AUDIT_LINK_TEXT_MAX];
    const struct audit_check *c = &r->check;
    struct records findings = {(void *)(uintptr_t)c->findings, c->count};
    const char *next = r->more ? audit_link_text(&c->at, text) : NULL;
    json_t *out = json_pack(
        "{s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:s?}", "ok", c->count == 0 ? 1 : 0, "checked",
        (json_int_t)c->checked, "unsealed", (json_int_t)r->unsealed, "last", link_json(&c->at),
        "head", link_json(&r->head.last), "pruned", link_json(&r->head.first), "findings",
        json_encode_list(audit_finding_fields, findings, sizeof(struct audit_finding), 0),
        "more_findings", (json_int_t)c->dropped, "next", next);
    BUG_ON(!out);
    return out;
}

/* -- exporting -------------------------------------------------------------------------------- */

enum err audit_range(struct db_tx *tx, const struct secret *key, int64_t from, int64_t to,
                     int64_t *ret_after, int64_t *ret_through, struct error *e)
{
    char floor[UUID_TEXT_MAX];
    struct audit_head head;
    TRY(audit_head_read(tx, key, &head, e));
    int64_t first = head.first.seq + 1, last = head.last.seq;
    struct db_value rows = db_int(COMMIT_ORDER_ROWS);
    if (from != INT_ABSENT)
        TRY(db_get_int(tx, &audit_sealed_from, DB_ARGS(db_text(uuid7_floor(from, floor)), rows),
                       &first, e));
    if (to != INT_ABSENT)
        TRY(db_get_int(tx, &audit_sealed_before, DB_ARGS(db_text(uuid7_floor(to, floor)), rows),
                       &last, e));
    bool none = first == INT_ABSENT || last == INT_ABSENT || last < first;
    *ret_after = none ? head.last.seq : first - 1;
    *ret_through = none ? head.last.seq : last;
    return OK;
}

struct export
{
    json_t *list;
    char previous[HASH_TEXT_MAX]; /* "": not known */
    bool first;                   /* the next row is there for its hash only */
};

static enum err export_row(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct export *x = arg;
    struct audit_entry entry;
    read_entry(columns, &entry);
    if (!x->first) {
        json_t *object = audit_entry_json(&entry);
        (void)json_object_set_new(object, "previous", json_from_text(x->previous));
        (void)json_object_set_new(object, "hash", json_from_text(entry.hash));
        (void)json_array_append_new(x->list, object);
    }
    x->first = false;
    (void)snprintf(x->previous, sizeof(x->previous), "%s", entry.hash ? entry.hash : "");
    return OK;
}

/* One entry more than wanted, for the hash before; the oldest's stands in the head. */
enum err audit_export(struct db_tx *tx, const struct secret *key, int64_t after, int64_t through,
                      int64_t max, struct arena *arena, json_t **ret_entries, struct error *e)
{
    (void)arena;
    struct audit_head head;
    BUG_ON(max < 1 || max > AUDIT_EXPORT_MAX);
    TRY(audit_head_read(tx, key, &head, e));
    if (after < head.first.seq)
        return error_set(e, ERR_INVALID, "entries up to %lld were pruned: begin after %lld",
                         (long long)head.first.seq, (long long)head.first.seq);
    struct export x = {.list = json_array(), .first = after > head.first.seq};
    memcpy(x.previous, head.first.hash, sizeof(x.previous));
    enum err err = db_each(tx, &audit_chain,
                           DB_ARGS(db_int(x.first ? after - 1 : after), db_int(through),
                                   db_int(x.first ? max + 1 : max)),
                           export_row, &x, e);
    if (err != OK) {
        json_decref(x.list);
        return err;
    }
    *ret_entries = x.list;
    return OK;
}
