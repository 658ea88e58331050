/*
 * Images: the system images of the catalog, and the snapshots and backups of servers.
 */
#include "sandbox/hetzner.h"

#include "hetzner.sql.h"

#define CATALOG_CREATED INT64_C(1718000000000000) /* 2024-06-10 */

struct system_image {
    int64_t id;
    const char *name, *description, *os_flavor, *os_version, *architecture;
};

static const struct system_image images[] = {
    {114690387, "debian-12", "Debian 12", "debian", "12", "x86"},
    {114690389, "debian-12", "Debian 12", "debian", "12", "arm"},
    {161547269, "ubuntu-24.04", "Ubuntu 24.04", "ubuntu", "24.04", "x86"},
    {161547270, "ubuntu-24.04", "Ubuntu 24.04", "ubuntu", "24.04", "arm"},
};

static const struct system_image *system_image_of(int64_t id)
{
    for (size_t i = 0; i < ARRAY_LEN(images); i++) {
        if (images[i].id == id)
            return &images[i];
    }
    return NULL;
}

struct image_row {
    int64_t id, server_id, source_image_id, disk_gb, created_at, ready_at;
    const char *type, *description, *labels, *server_name;
};

static const struct field image_row_fields[] = {
    {"id", FIELD_INT, offsetof(struct image_row, id)},
    {"type", FIELD_TEXT, offsetof(struct image_row, type)},
    {"description", FIELD_TEXT, offsetof(struct image_row, description)},
    {"labels", FIELD_JSON, offsetof(struct image_row, labels)},
    {"server_id", FIELD_INT, offsetof(struct image_row, server_id)},
    {"server_name", FIELD_TEXT, offsetof(struct image_row, server_name)},
    {"source_image_id", FIELD_INT, offsetof(struct image_row, source_image_id)},
    {"disk_gb", FIELD_INT, offsetof(struct image_row, disk_gb)},
    {"created_at", FIELD_TIME, offsetof(struct image_row, created_at)},
    {"ready_at", FIELD_TIME, offsetof(struct image_row, ready_at)},
    FIELD_END,
};

/* A snapshot of a snapshot still says which system it has. */
static enum err system_of(struct call *c, int64_t id, const struct system_image **ret_image,
                          struct error *e)
{
    while (!system_image_of(id)) {
        struct image_row row;
        enum err err =
            db_get(c->tx, &image_get, DB_ARGS(db_int(id)), image_row_fields, c->arena, &row, e);
        if (err == ERR_NOT_FOUND)
            break;
        TRY(err);
        id = row.source_image_id;
    }
    const struct system_image *found = system_image_of(id);
    *ret_image = found ? found : &images[0];
    return OK;
}

static json_t *system_json(const struct system_image *i)
{
    return json_packed(
        "{s:I, s:s, s:s, s:s, s:s, s:n, s:i, s:o, s:n, s:n, s:s, s:s, s:b, s:{s:b}, s:n, "
        "s:n, s:{}, s:s}",
        "id", (json_int_t)i->id, "type", "system", "status", "available", "name", i->name,
        "description", i->description, "image_size", "disk_size", 5, "created",
        json_time(CATALOG_CREATED), "created_from", "bound_to", "os_flavor", i->os_flavor,
        "os_version", i->os_version, "rapid_deploy", 1, "protection", "delete", 0, "deprecated",
        "deleted", "labels", "architecture", i->architecture);
}

static enum err row_json(struct call *c, const struct image_row *row, json_t **ret_image,
                         struct error *e)
{
    const struct system_image *system;
    TRY(system_of(c, row->source_image_id, &system, e));
    json_t *shown = system_json(system), *labels = NULL;
    BUG_ON(json_parse(str_from(row->labels), &labels, NULL) != OK);
    bool is_backup = text_eq(row->type, "backup");
    json_put(shown, "id", json_integer(row->id));
    json_put(shown, "type", json_string(row->type));
    json_put(shown, "status", json_string(c->now_us < row->ready_at ? "creating" : "available"));
    json_put(shown, "name", json_null());
    json_put(shown, "description", json_string(row->description));
    json_put(shown, "disk_size", json_integer(row->disk_gb));
    json_put(shown, "image_size", json_real(1.5));
    json_put(shown, "created", json_time(row->created_at));
    json_put(shown, "created_from",
             json_packed("{s:I, s:s}", "id", (json_int_t)row->server_id, "name", row->server_name));
    json_put(shown, "bound_to", is_backup ? json_integer(row->server_id) : json_null());
    json_put(shown, "rapid_deploy", json_false());
    json_put(shown, "labels", labels);
    *ret_image = shown;
    return OK;
}

enum err hetzner_image_by_id(struct call *c, int64_t id, json_t **ret_image, struct error *e)
{
    const struct system_image *system = system_image_of(id);
    if (system) {
        *ret_image = system_json(system);
        return OK;
    }
    struct image_row row;
    enum err err =
        db_get(c->tx, &image_get, DB_ARGS(db_int(id)), image_row_fields, c->arena, &row, e);
    if (err == ERR_NOT_FOUND) {
        *ret_image = NULL;
        return OK;
    }
    TRY(err);
    return row_json(c, &row, ret_image, e);
}

/* A name means the image for the type's architecture. */
enum err hetzner_image_choose(struct call *c, const char *name_or_id,
                              const struct hetzner_type *type, int64_t *ret_id, struct error *e)
{
    const char *architecture = hetzner_type_architecture(type);
    for (size_t i = 0; i < ARRAY_LEN(images); i++) {
        if (text_eq(images[i].name, name_or_id) && text_eq(images[i].architecture, architecture)) {
            *ret_id = images[i].id;
            return OK;
        }
    }
    int64_t id;
    _cleanup_json_ json_t *image = NULL;
    if (str_to_i64(str_from(name_or_id), &id))
        TRY(hetzner_image_by_id(c, id, &image, e));
    if (!image)
        return call_refuse(c, 422, "invalid_input", "image '%s' not found", name_or_id);
    if (!text_eq(json_get_text(image, "architecture"), architecture))
        return call_refuse(c, 422, "invalid_input", "image '%s' has another architecture than %s",
                           name_or_id, hetzner_type_name(type));
    *ret_id = id;
    return OK;
}

/* -- operations ------------------------------------------------------------------------------- */

static bool is_asked_for(const struct call *c, const json_t *image)
{
    static const char *const filters[] = {"type", "status", "name", "architecture"};
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        const char *value = json_get_text(image, filters[i]);
        if (!hetzner_query_allows(c, filters[i], value ? value : ""))
            return false;
    }
    return hetzner_selector_matches(c, json_text(json_object_get(image, "labels"), c->arena));
}

enum err hetzner_image_list(struct call *c, struct error *e)
{
    TRY(hetzner_selector_check(c));
    struct records rows;
    TRY(db_list(c->tx, &image_list, DB_NO_ARGS, image_row_fields, sizeof(struct image_row),
                HETZNER_ROWS_MAX, c->arena, &rows, e));
    _cleanup_json_ json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(images) + rows.count; i++) {
        _cleanup_json_ json_t *image = NULL;
        if (i < ARRAY_LEN(images))
            image = system_json(&images[i]);
        else
            TRY(row_json(c, &((const struct image_row *)rows.items)[i - ARRAY_LEN(images)], &image,
                         e));
        if (is_asked_for(c, image))
            json_push(list, json_incref(image));
    }
    return hetzner_list_answer(c, "images", list);
}

static enum err not_found(struct call *c)
{
    return call_refuse(c, 404, "not_found", "image with ID '%s' not found",
                       http_param(c->request, "id"));
}

enum err hetzner_image_get(struct call *c, struct error *e)
{
    json_t *image;
    TRY(hetzner_image_by_id(c, call_id(c, "id"), &image, e));
    return image ? call_answer(c, 200, json_packed("{s:o}", "image", image)) : not_found(c);
}

enum err hetzner_image_delete(struct call *c, struct error *e)
{
    int64_t gone;
    if (system_image_of(call_id(c, "id")))
        return call_refuse(c, 403, "forbidden", "system images cannot be deleted");
    TRY(db_exec(c->tx, &image_delete, DB_ARGS(db_int(call_id(c, "id"))), &gone, e));
    return gone ? call_answer(c, 204, NULL) : not_found(c);
}
