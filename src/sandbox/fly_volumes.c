#include "sandbox/fly.h"

#include "fly.sql.h"

#define VOLUME_ID_LEN       16
#define SIZE_GB_DEFAULT     3
#define SIZE_GB_MAX         500
#define RETENTION_DEFAULT_D 5
#define RETENTION_MAX_D     60
#define BLOCK_SIZE          4096
#define BLOCKS_PER_GB       262144
#define PENDING_US          USEC_PER_DAY /* how long a deleted volume stays listed */

struct volume_row {
    const char *id, *app, *name, *region, *zone, *machine_id;
    int64_t size_gb, snapshot_retention, created_at, deleted_at;
    bool encrypted, auto_backup;
};

static const struct field volume_row_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct volume_row, id)},
    {"app", FIELD_TEXT, offsetof(struct volume_row, app)},
    {"name", FIELD_TEXT, offsetof(struct volume_row, name)},
    {"region", FIELD_TEXT, offsetof(struct volume_row, region)},
    {"zone", FIELD_TEXT, offsetof(struct volume_row, zone)},
    {"size_gb", FIELD_INT, offsetof(struct volume_row, size_gb)},
    {"encrypted", FIELD_BOOL, offsetof(struct volume_row, encrypted)},
    {"snapshot_retention", FIELD_INT, offsetof(struct volume_row, snapshot_retention)},
    {"auto_backup", FIELD_BOOL, offsetof(struct volume_row, auto_backup)},
    {"machine_id", FIELD_TEXT, offsetof(struct volume_row, machine_id)},
    {"created_at", FIELD_TIME, offsetof(struct volume_row, created_at)},
    {"deleted_at", FIELD_TIME, offsetof(struct volume_row, deleted_at)},
    FIELD_END,
};

/* Letters, digits and underscores; unlike app names, volume names are not unique. */
static const char *check_volume_name(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 30)
        return "must be 1 to 30 characters long";
    for (const char *p = text; *p; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_'))
            return "may only contain lower-case letters, digits and underscores";
    }
    return NULL;
}

struct volume_input {
    const char *name, *region;
    int64_t size_gb, snapshot_retention;
    bool encrypted, auto_backup_enabled, require_unique_zone, unique_zone_app_wide;
    const char *fstype, *compute, *compute_image, *snapshot_id, *source_volume_id;
};

#define INPUT(member) offsetof(struct volume_input, member)

static const struct field volume_input_fields[] = {
    {"name", FIELD_TEXT, INPUT(name), .required = true, .check = check_volume_name},
    {"region", FIELD_TEXT, INPUT(region), .required = true},
    {"size_gb", FIELD_INT, INPUT(size_gb), .min = 1, .max = SIZE_GB_MAX},
    {"snapshot_retention", FIELD_INT, INPUT(snapshot_retention), .min = 1, .max = RETENTION_MAX_D},
    {"encrypted", FIELD_BOOL, INPUT(encrypted)},
    {"auto_backup_enabled", FIELD_BOOL, INPUT(auto_backup_enabled)},
    {"require_unique_zone", FIELD_BOOL, INPUT(require_unique_zone)},
    {"unique_zone_app_wide", FIELD_BOOL, INPUT(unique_zone_app_wide)},
    {"fstype", FIELD_TEXT, INPUT(fstype)},
    {"compute", FIELD_JSON, INPUT(compute)},
    {"compute_image", FIELD_TEXT, INPUT(compute_image)},
    {"snapshot_id", FIELD_TEXT, INPUT(snapshot_id)},
    {"source_volume_id", FIELD_TEXT, INPUT(source_volume_id)},
    FIELD_END,
};

static const struct field volume_update_fields[] = {
    {"snapshot_retention", FIELD_INT, INPUT(snapshot_retention), .min = 1, .max = RETENTION_MAX_D},
    {"auto_backup_enabled", FIELD_BOOL, INPUT(auto_backup_enabled)},
    FIELD_END,
};

static const struct field volume_extend_fields[] = {
    {"size_gb", FIELD_INT, INPUT(size_gb), .required = true, .min = 1, .max = SIZE_GB_MAX},
    FIELD_END,
};

static json_t *volume_json(const struct volume_row *row)
{
    json_int_t blocks = row->size_gb * BLOCKS_PER_GB;
    json_t *volume = json_packed(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:I, s:b, s:o, s:s, s:s, s:i, s:I, s:I, s:I}", "id",
        row->id, "name", row->name, "region", row->region, "zone", row->zone, "state",
        row->deleted_at == INT_ABSENT ? "created" : "pending_destroy", "size_gb",
        (json_int_t)row->size_gb, "encrypted", (int)row->encrypted, "snapshot_retention",
        (json_int_t)row->snapshot_retention, "auto_backup_enabled", (int)row->auto_backup,
        "created_at", json_time(row->created_at), "fstype", "ext4", "host_status", "ok",
        "block_size", BLOCK_SIZE, "blocks", blocks, "blocks_free", blocks, "blocks_avail", blocks);
    if (row->machine_id)
        json_put(volume, "attached_machine_id", json_string(row->machine_id));
    return volume;
}

static enum err volume_find(struct call *c, const char *id, struct volume_row *ret_row,
                            struct error *e)
{
    struct volume_row row;
    enum err err = db_get(c->tx, &volume_get, DB_ARGS(db_text(fly_app_name(c)), db_text(id)),
                          volume_row_fields, c->arena, &row, e);
    if (err == ERR_NOT_FOUND ||
        (err == OK && row.deleted_at != INT_ABSENT && c->now_us >= row.deleted_at + PENDING_US))
        return call_refuse(c, 404, NULL, "volume %s not found", id);
    TRY(err);
    *ret_row = row;
    return OK;
}

static enum err volume_of(struct call *c, struct volume_row *ret_row, struct error *e)
{
    return volume_find(c, http_param(c->request, "volume"), ret_row, e);
}

static enum err volume_to_change(struct call *c, struct volume_row *ret_row, struct error *e)
{
    struct volume_row row;
    TRY(volume_of(c, &row, e));
    if (row.deleted_at != INT_ABSENT)
        return call_refuse(c, 412, NULL, "failed_precondition: volume %s is being destroyed",
                           row.id);
    *ret_row = row;
    return OK;
}

static enum err insert(struct call *c, const struct volume_row *row, struct error *e)
{
    TRY(db_exec(c->tx, &volume_purge, DB_ARGS(db_int(c->now_us - PENDING_US)), NULL, e));
    return db_exec(c->tx, &volume_insert,
                   DB_ARGS(db_text(row->id), db_text(row->app), db_text(row->name),
                           db_text(row->region), db_text(row->zone), db_int(row->size_gb),
                           db_int(row->encrypted), db_int(row->snapshot_retention),
                           db_int(row->auto_backup), db_int(row->created_at)),
                   NULL, e);
}

enum err fly_volume_create(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct volume_input in;
    record_clear(volume_input_fields, &in);
    in.size_gb = SIZE_GB_DEFAULT;
    in.snapshot_retention = RETENTION_DEFAULT_D;
    in.encrypted = in.auto_backup_enabled = true;
    TRY(call_decode(c, volume_input_fields, &in));
    if (!fly_region_is_known(in.region))
        return call_refuse(c, 400, NULL, "invalid_argument: region %s is not known", in.region);
    if (in.snapshot_id || in.source_volume_id)
        return call_refuse(c, 404, NULL, "the snapshot or source volume does not exist");
    struct volume_row row = {
        .id = arena_printf(c->arena, "vol_%s", call_random_text(c, VOLUME_ID_LEN)),
        .app = fly_app_name(c),
        .name = in.name,
        .region = in.region,
        .zone = call_random_hex(c, 4),
        .size_gb = in.size_gb,
        .snapshot_retention = in.snapshot_retention,
        .encrypted = in.encrypted,
        .auto_backup = in.auto_backup_enabled,
        .created_at = c->now_us,
        .deleted_at = INT_ABSENT,
    };
    TRY(insert(c, &row, e));
    return call_answer(c, 200, volume_json(&row));
}

enum err fly_volume_list(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct records rows;
    TRY(db_list(c->tx, &volume_list, DB_ARGS(db_text(fly_app_name(c))), volume_row_fields,
                sizeof(struct volume_row), FLY_ROWS_MAX, c->arena, &rows, e));
    json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++) {
        const struct volume_row *row = &((const struct volume_row *)rows.items)[i];
        bool is_there = row->deleted_at == INT_ABSENT || c->now_us < row->deleted_at + PENDING_US;
        if (is_there && !fly_is_unseen(c, row->created_at))
            json_push(list, volume_json(row));
    }
    return call_answer(c, 200, list);
}

enum err fly_volume_get(struct call *c, struct error *e)
{
    struct volume_row row;
    TRY(volume_of(c, &row, e));
    return call_answer(c, 200, volume_json(&row));
}

static enum err save(struct call *c, const struct volume_row *row, struct error *e)
{
    return db_exec(c->tx, &volume_update,
                   DB_ARGS(db_text(row->id), db_int(row->size_gb), db_int(row->snapshot_retention),
                           db_int(row->auto_backup)),
                   NULL, e);
}

enum err fly_volume_update(struct call *c, struct error *e)
{
    struct volume_row row;
    TRY(volume_to_change(c, &row, e));
    struct volume_input in = {
        .snapshot_retention = row.snapshot_retention,
        .auto_backup_enabled = row.auto_backup,
    };
    TRY(call_decode(c, volume_update_fields, &in));
    row.snapshot_retention = in.snapshot_retention;
    row.auto_backup = in.auto_backup_enabled;
    TRY(save(c, &row, e));
    return call_answer(c, 200, volume_json(&row));
}

enum err fly_volume_extend(struct call *c, struct error *e)
{
    struct volume_row row;
    TRY(volume_to_change(c, &row, e));
    struct volume_input in = {0};
    TRY(call_decode(c, volume_extend_fields, &in));
    if (in.size_gb <= row.size_gb)
        return call_refuse(c, 400, NULL,
                           "invalid_argument: volume %s has %lld GB and can only become larger",
                           row.id, (long long)row.size_gb);
    row.size_gb = in.size_gb;
    TRY(save(c, &row, e));
    return call_answer(c, 200,
                       json_packed("{s:b, s:o}", "needs_restart", row.machine_id != NULL, "volume",
                                   volume_json(&row)));
}

enum err fly_volume_delete(struct call *c, struct error *e)
{
    struct volume_row row;
    TRY(volume_of(c, &row, e));
    if (row.machine_id)
        return call_refuse(
            c, 412, NULL,
            "failed_precondition: volume %s is attached to machine %s; destroy that first", row.id,
            row.machine_id);
    if (row.deleted_at == INT_ABSENT) {
        row.deleted_at = c->now_us;
        TRY(db_exec(c->tx, &volume_delete, DB_ARGS(db_text(row.id), db_int(row.deleted_at)), NULL,
                    e));
    }
    return call_answer(c, 200, volume_json(&row));
}

enum err fly_volumes_attach(struct call *c, const char *machine_id, const char *region,
                            const struct records *mounts, struct error *e)
{
    TRY(db_exec(c->tx, &volume_detach_all, DB_ARGS(db_text(machine_id)), NULL, e));
    for (size_t i = 0; i < mounts->count; i++) {
        const struct mount_input *mount = &((const struct mount_input *)mounts->items)[i];
        if (!mount->volume)
            return call_refuse(c, 400, NULL,
                               "invalid_argument: config.mounts[%zu].volume is required", i);
        struct volume_row row;
        TRY(volume_find(c, mount->volume, &row, e));
        if (row.deleted_at != INT_ABSENT || row.machine_id)
            return call_refuse(c, 412, NULL, "failed_precondition: volume %s is %s", row.id,
                               row.machine_id ? "already attached" : "being destroyed");
        if (!text_eq(row.region, region))
            return call_refuse(c, 400, NULL,
                               "invalid_argument: volume %s is in %s, the machine in %s", row.id,
                               row.region, region);
        TRY(db_exec(c->tx, &volume_attach, DB_ARGS(db_text(row.id), db_text(machine_id)), NULL, e));
    }
    return OK;
}

/* -- snapshots -------------------------------------------------------------------------------- */

struct snapshot_row {
    const char *id, *volume_id;
    int64_t size_gb, retention_days, created_at;
};

static const struct field snapshot_row_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct snapshot_row, id)},
    {"volume_id", FIELD_TEXT, offsetof(struct snapshot_row, volume_id)},
    {"size_gb", FIELD_INT, offsetof(struct snapshot_row, size_gb)},
    {"retention_days", FIELD_INT, offsetof(struct snapshot_row, retention_days)},
    {"created_at", FIELD_TIME, offsetof(struct snapshot_row, created_at)},
    FIELD_END,
};

static json_t *snapshot_json(const struct call *c, const struct snapshot_row *row)
{
    bool is_ready = c->now_us >= row->created_at + call_delay_us(c);
    return json_packed("{s:s, s:o, s:I, s:s, s:s, s:I, s:I}", "id", row->id, "created_at",
                       json_time(row->created_at), "size", (json_int_t)BLOCK_SIZE, "digest",
                       row->id, "status", is_ready ? "created" : "pending", "retention_days",
                       (json_int_t)row->retention_days, "volume_size",
                       (json_int_t)row->size_gb * BLOCKS_PER_GB * BLOCK_SIZE);
}

enum err fly_snapshot_create(struct call *c, struct error *e)
{
    struct volume_row volume;
    TRY(volume_to_change(c, &volume, e));
    const char *id = arena_printf(c->arena, "vs_%s", call_random_text(c, VOLUME_ID_LEN));
    TRY(db_exec(c->tx, &snapshot_insert,
                DB_ARGS(db_text(id), db_text(volume.id), db_int(volume.size_gb),
                        db_int(volume.snapshot_retention), db_int(c->now_us)),
                NULL, e));
    return call_answer(c, 200, json_packed("{s:s}", "id", id));
}

enum err fly_snapshot_list(struct call *c, struct error *e)
{
    struct volume_row volume;
    TRY(volume_of(c, &volume, e));
    struct records rows;
    TRY(db_list(c->tx, &snapshot_list, DB_ARGS(db_text(volume.id)), snapshot_row_fields,
                sizeof(struct snapshot_row), FLY_ROWS_MAX, c->arena, &rows, e));
    json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++)
        json_push(list, snapshot_json(c, &((const struct snapshot_row *)rows.items)[i]));
    return call_answer(c, 200, list);
}
