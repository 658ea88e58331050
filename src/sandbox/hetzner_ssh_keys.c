#include "sandbox/hetzner.h"

#include "infra/secrets/secret.h"

#include "hetzner.sql.h"

#define PUBLIC_KEY_MAX    16384
#define FINGERPRINT_PARTS 16

struct ssh_key_row {
    int64_t id;
    const char *name, *fingerprint, *public_key, *labels;
    int64_t created_at;
};

static const struct field ssh_key_row_fields[] = {
    {"id", FIELD_INT, offsetof(struct ssh_key_row, id)},
    {"name", FIELD_TEXT, offsetof(struct ssh_key_row, name)},
    {"fingerprint", FIELD_TEXT, offsetof(struct ssh_key_row, fingerprint)},
    {"public_key", FIELD_TEXT, offsetof(struct ssh_key_row, public_key)},
    {"labels", FIELD_JSON, offsetof(struct ssh_key_row, labels)},
    {"created_at", FIELD_TIME, offsetof(struct ssh_key_row, created_at)},
    FIELD_END,
};

static const char *check_public_key(const char *text)
{
    struct str rest = str_trim(str_from(text));
    struct str type = str_cut(&rest, ' ');
    bool is_known = str_starts_with(type, STR("ssh-")) || str_starts_with(type, STR("ecdsa-")) ||
                    str_starts_with(type, STR("sk-"));
    return is_known && str_trim(rest).len > 0 ? NULL : "must be a public key in OpenSSH format";
}

struct ssh_key_input {
    const char *name, *public_key, *labels;
};

static const struct field ssh_key_input_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct ssh_key_input, name), .required = true},
    {"public_key", FIELD_TEXT, offsetof(struct ssh_key_input, public_key), .required = true,
     .max_len = PUBLIC_KEY_MAX, .check = check_public_key},
    {"labels", FIELD_JSON, offsetof(struct ssh_key_input, labels)},
    FIELD_END,
};

static const struct field ssh_key_change_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct ssh_key_input, name)},
    {"labels", FIELD_JSON, offsetof(struct ssh_key_input, labels)},
    FIELD_END,
};

static json_t *ssh_key_json(const struct ssh_key_row *row)
{
    json_t *labels = NULL;
    BUG_ON(json_parse(str_from(row->labels), &labels, NULL) != OK);
    return json_packed("{s:I, s:s, s:s, s:s, s:o, s:o}", "id", (json_int_t)row->id, "name",
                       row->name, "fingerprint", row->fingerprint, "public_key", row->public_key,
                       "labels", labels, "created", json_time(row->created_at));
}

/*
 * In the form of the MD5 fingerprint that Hetzner shows, but of the SHA-256 of type and key: it is
 * as unique, and MD5 is nothing to bring into the program for.
 */
static const char *fingerprint(struct call *c, const char *public_key)
{
    struct str key = str_trim(str_from(public_key)), rest = key;
    (void)str_cut(&rest, ' ');
    struct str comment = rest;
    struct str base64 = str_cut(&comment, ' ');
    key.len = (size_t)(base64.ptr + base64.len - key.ptr);
    char hash[HASH_TEXT_MAX];
    (void)sha256_hex(key, hash);
    _cleanup_buf_ struct buf text = BUF_INIT(HASH_TEXT_MAX);
    for (size_t i = 0; i < FINGERPRINT_PARTS; i++)
        (void)buf_printf(&text, "%s%.2s", i ? ":" : "", hash + 2 * i);
    return arena_text(c->arena, buf_text(&text));
}

enum err hetzner_ssh_key_exists(struct call *c, const char *name_or_id, bool *ret_exists,
                                struct error *e)
{
    int64_t count, id;
    TRY(db_get_int(c->tx, &ssh_key_count_named, DB_ARGS(db_text(name_or_id)), &count, e));
    if (count == 0 && str_to_i64(str_from(name_or_id), &id)) {
        struct ssh_key_row row;
        enum err err =
            db_get(c->tx, &ssh_key_get, DB_ARGS(db_int(id)), ssh_key_row_fields, c->arena, &row, e);
        if (err != OK && err != ERR_NOT_FOUND)
            return err;
        count = err == OK;
    }
    *ret_exists = count > 0;
    return OK;
}

static enum err ssh_key_of(struct call *c, struct ssh_key_row *ret_row, struct error *e)
{
    enum err err = db_get(c->tx, &ssh_key_get, DB_ARGS(db_int(call_id(c, "id"))),
                          ssh_key_row_fields, c->arena, ret_row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, "not_found", "SSH key with ID '%s' not found",
                           http_param(c->request, "id"));
    return err;
}

static enum err answer_ssh_key(struct call *c, int status, const struct ssh_key_row *row)
{
    return call_answer(c, status, json_packed("{s:o}", "ssh_key", ssh_key_json(row)));
}

enum err hetzner_ssh_key_create(struct call *c, struct error *e)
{
    struct ssh_key_input in;
    record_clear(ssh_key_input_fields, &in);
    TRY(call_decode(c, ssh_key_input_fields, &in));
    if (in.labels)
        TRY(hetzner_labels_check(c, in.labels));
    struct ssh_key_row row = {
        .name = in.name,
        .fingerprint = fingerprint(c, in.public_key),
        .public_key = in.public_key,
        .labels = in.labels ? in.labels : "{}",
        .created_at = c->now_us,
    };
    int64_t same_name;
    TRY(db_get_int(c->tx, &ssh_key_count_named, DB_ARGS(db_text(in.name)), &same_name, e));
    if (same_name > 0)
        return hetzner_refuse_used_name(c, "SSH key name is already used");
    TRY(call_next_number(c, "hetzner_ssh_key", 1, &row.id, e));
    enum err err =
        db_exec(c->tx, &ssh_key_insert,
                DB_ARGS(db_int(row.id), db_text(row.name), db_text(row.fingerprint),
                        db_text(row.public_key), db_text(row.labels), db_int(row.created_at)),
                NULL, e);
    if (err == ERR_CONFLICT) {
        c->reply.details = json_packed("{s:[{s:s}]}", "fields", "name", "public_key");
        return call_refuse(c, 409, "uniqueness_error",
                           "SSH key with the same fingerprint already exists");
    }
    TRY(err);
    return answer_ssh_key(c, 201, &row);
}

enum err hetzner_ssh_key_list(struct call *c, struct error *e)
{
    TRY(hetzner_selector_check(c));
    struct records rows;
    TRY(db_list(c->tx, &ssh_key_list, DB_NO_ARGS, ssh_key_row_fields, sizeof(struct ssh_key_row),
                HETZNER_ROWS_MAX, c->arena, &rows, e));
    _cleanup_json_ json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++) {
        const struct ssh_key_row *key = &((const struct ssh_key_row *)rows.items)[i];
        if (hetzner_query_allows(c, "name", key->name) &&
            hetzner_query_allows(c, "fingerprint", key->fingerprint) &&
            hetzner_selector_matches(c, key->labels))
            json_push(list, ssh_key_json(key));
    }
    return hetzner_list_answer(c, "ssh_keys", list);
}

enum err hetzner_ssh_key_get(struct call *c, struct error *e)
{
    struct ssh_key_row row;
    TRY(ssh_key_of(c, &row, e));
    return answer_ssh_key(c, 200, &row);
}

enum err hetzner_ssh_key_update(struct call *c, struct error *e)
{
    struct ssh_key_row row;
    TRY(ssh_key_of(c, &row, e));
    struct ssh_key_input change = {0};
    TRY(call_decode(c, ssh_key_change_fields, &change));
    if (change.labels)
        TRY(hetzner_labels_check(c, change.labels));
    row.labels = change.labels ? change.labels : row.labels;
    row.name = change.name ? change.name : row.name;
    enum err err =
        db_exec(c->tx, &ssh_key_update,
                DB_ARGS(db_int(row.id), db_text(row.name), db_text(row.labels)), NULL, e);
    if (err == ERR_CONFLICT)
        return hetzner_refuse_used_name(c, "SSH key name is already used");
    TRY(err);
    return answer_ssh_key(c, 200, &row);
}

enum err hetzner_ssh_key_delete(struct call *c, struct error *e)
{
    struct ssh_key_row row;
    TRY(ssh_key_of(c, &row, e));
    TRY(db_exec(c->tx, &ssh_key_delete, DB_ARGS(db_int(row.id)), NULL, e));
    return call_answer(c, 204, NULL);
}
