#include "domain/audit/chain.h"

#define GENESIS_HASH "0000000000000000000000000000000000000000000000000000000000000000"

const struct audit_link audit_genesis = {0, GENESIS_HASH};

const char *const audit_fault_names[] = {"changed", "missing", "disorder", "head", NULL};

const struct field audit_finding_fields[] = {
    {"seq", FIELD_INT, offsetof(struct audit_finding, seq), .required = true,
     .help = "the first entry concerned"},
    {"through", FIELD_INT, offsetof(struct audit_finding, through), .required = true,
     .help = "the last entry concerned"},
    {"fault", FIELD_ENUM, offsetof(struct audit_finding, fault), .names = audit_fault_names,
     .required = true, .help = "what is wrong"},
    {"detail", FIELD_TEXT, offsetof(struct audit_finding, detail), .required = true,
     .help = "in a sentence"},
    FIELD_END,
};

/* -- links ------------------------------------------------------------------------------------ */

static bool is_hash(struct str s)
{
    if (s.len != HASH_TEXT_MAX - 1)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

bool audit_link_parse(const char *text, struct audit_link *ret_link)
{
    struct str rest = str_from(text);
    struct str number = str_cut(&rest, ':');
    struct audit_link link;
    if (!str_to_i64(number, &link.seq) || link.seq < 0 || !is_hash(rest))
        return false;
    memcpy(link.hash, rest.ptr, rest.len);
    link.hash[rest.len] = '\0';
    *ret_link = link;
    return true;
}

const char *audit_link_text(const struct audit_link *link, char out[AUDIT_LINK_TEXT_MAX])
{
    (void)snprintf(out, AUDIT_LINK_TEXT_MAX, "%lld:%s", (long long)link->seq, link->hash);
    return out;
}

/* -- hashing ---------------------------------------------------------------------------------- */

json_t *audit_entry_json(const struct audit_entry *entry)
{
    struct audit_entry plain = *entry;
    plain.hash = NULL;
    json_t *object = json_encode(audit_fields, &plain, JSON_KEEP_ABSENT);
    (void)json_object_del(object, "hash");
    return object;
}

static void feed(void *ctx, struct str bytes)
{
    sha256_add(ctx, bytes);
}

const char *audit_hash(const json_t *entry, const char *previous, char out[HASH_TEXT_MAX])
{
    struct sha256 h;
    sha256_begin(&h);
    sha256_add(&h, str_from(previous));
    sha256_add(&h, STR("\n"));
    json_feed_sorted(entry, feed, &h);
    return sha256_end(&h, out);
}

/* -- checking --------------------------------------------------------------------------------- */

void audit_check_init(struct audit_check *c, const struct audit_link *from,
                      const struct audit_link *expect, struct arena *arena)
{
    *c = (struct audit_check){
        .arena = arena,
        .at = *from,
        .linked = from->seq != INT_ABSENT,
        .expect = expect ? *expect : (struct audit_link){.seq = INT_ABSENT},
    };
}

void audit_check_add(struct audit_check *c, enum audit_fault fault, int64_t seq, int64_t through,
                     const char *detail)
{
    if (c->count == AUDIT_FINDINGS_MAX) {
        c->dropped++;
        return;
    }
    c->findings[c->count++] = (struct audit_finding){seq, through, (int)fault, detail};
}

static const char *entries(struct audit_check *c, int64_t first, int64_t last)
{
    return first == last ? arena_printf(c->arena, "entry %lld is", (long long)first)
                         : arena_printf(c->arena, "entries %lld to %lld are", (long long)first,
                                        (long long)last);
}

static void add_missing(struct audit_check *c, int64_t first, int64_t last)
{
    audit_check_add(c, AUDIT_MISSING, first, last,
                    arena_printf(c->arena, "%s missing", entries(c, first, last)));
}

static void check_expected(struct audit_check *c, int64_t seq, const char *hash)
{
    if (seq != c->expect.seq || text_eq(hash, c->expect.hash))
        return;
    audit_check_add(c, AUDIT_HEAD, seq, seq,
                    arena_printf(c->arena,
                                 "entry %lld is not the one that was expected: the record up to it "
                                 "was written anew",
                                 (long long)seq));
}

static void check_hash(struct audit_check *c, const json_t *entry, int64_t seq, const char *hash,
                       const char *previous)
{
    char wanted[HASH_TEXT_MAX];
    const char *before = c->linked ? c->at.hash : previous;
    if (!before || text_eq(audit_hash(entry, before, wanted), hash))
        return;
    const char *id = json_get_text(entry, "id");
    audit_check_add(c, AUDIT_CHANGED, seq, seq,
                    arena_printf(c->arena,
                                 "entry %lld (id %.40s) does not give its hash: it, or the hash "
                                 "before it, was changed, or it was put in another's place",
                                 (long long)seq, id ? id : "none"));
}

void audit_check_entry(struct audit_check *c, const json_t *entry, const char *hash,
                       const char *previous)
{
    int64_t seq = json_get_int(entry, "seq");
    bool begins = c->at.seq == INT_ABSENT;
    if (!begins && seq <= c->at.seq) {
        audit_check_add(c, AUDIT_DISORDER, seq, seq,
                        arena_printf(c->arena, "entry %lld stands behind entry %lld",
                                     (long long)seq, (long long)c->at.seq));
        return;
    }
    if (!begins && seq > c->at.seq + 1) {
        add_missing(c, c->at.seq + 1, seq - 1);
        c->linked = false;
    }
    c->checked++;
    check_hash(c, entry, seq, hash, previous);
    check_expected(c, seq, hash);
    c->at.seq = seq;
    (void)snprintf(c->at.hash, sizeof(c->at.hash), "%s", hash ? hash : "");
    c->linked = true;
}

void audit_check_end(struct audit_check *c, const struct audit_link *end)
{
    int64_t last = c->at.seq == INT_ABSENT ? 0 : c->at.seq;
    int64_t wanted = end ? end->seq : last;
    if (c->expect.seq != INT_ABSENT && c->expect.seq > wanted)
        wanted = c->expect.seq;
    if (last < wanted)
        audit_check_add(
            c, AUDIT_MISSING, last + 1, wanted,
            arena_printf(c->arena, "%s missing at the end", entries(c, last + 1, wanted)));
    if (end && last > end->seq)
        audit_check_add(c, AUDIT_HEAD, end->seq + 1, last,
                        arena_printf(c->arena, "%s behind the end of what was sealed",
                                     entries(c, end->seq + 1, last)));
    if (end && last == end->seq && !text_eq(c->at.hash, end->hash))
        audit_check_add(c, AUDIT_HEAD, last, last,
                        arena_printf(c->arena,
                                     "entry %lld is the last, and not the one that was sealed last",
                                     (long long)last));
}
