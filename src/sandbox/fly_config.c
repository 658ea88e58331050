#include "sandbox/fly.h"

#define MIB_PER_SHARED_CPU_MIN      256
#define MIB_PER_SHARED_CPU_MAX      2048
#define MIB_PER_PERFORMANCE_CPU_MIN 2048
#define MIB_PER_PERFORMANCE_CPU_MAX 8192

static const struct field mount_fields[] = {
    {"volume", FIELD_TEXT, offsetof(struct mount_input, volume)},
    {"path", FIELD_TEXT, offsetof(struct mount_input, path), .required = true},
    {"name", FIELD_TEXT, offsetof(struct mount_input, name)},
    {"size_gb", FIELD_JSON, offsetof(struct mount_input, size_gb)},
    {"encrypted", FIELD_JSON, offsetof(struct mount_input, encrypted)},
    {"add_size_gb", FIELD_JSON, offsetof(struct mount_input, add_size_gb)},
    {"size_gb_limit", FIELD_JSON, offsetof(struct mount_input, size_gb_limit)},
    {"extend_threshold_percent", FIELD_JSON,
     offsetof(struct mount_input, extend_threshold_percent)},
    FIELD_END,
};

#define GUEST_OTHER(name, index)                                                                   \
    {                                                                                              \
        name, FIELD_JSON, offsetof(struct guest_input, others[index])                              \
    }

static const struct field guest_fields[] = {
    {"cpu_kind", FIELD_TEXT, offsetof(struct guest_input, cpu_kind)},
    {"cpus", FIELD_INT, offsetof(struct guest_input, cpus), .min = 1, .max = 16},
    {"memory_mb", FIELD_INT, offsetof(struct guest_input, memory_mb), .min = 256, .max = 131072},
    GUEST_OTHER("gpu_kind", 0),
    GUEST_OTHER("gpus", 1),
    GUEST_OTHER("host_dedication_id", 2),
    GUEST_OTHER("kernel_args", 3),
    GUEST_OTHER("max_memory_mb", 4),
    GUEST_OTHER("persist_rootfs", 5),
    FIELD_END,
};

/* Known, stored and shown, and without a meaning here. */
#define OTHER(name, index)                                                                         \
    {                                                                                              \
        name, FIELD_JSON, offsetof(struct config_input, others[index])                             \
    }

const struct field fly_config_fields[] = {
    {"image", FIELD_TEXT, offsetof(struct config_input, image), .required = true},
    {"size", FIELD_TEXT, offsetof(struct config_input, size)},
    {"guest", FIELD_OBJECT, offsetof(struct config_input, guest), .fields = guest_fields},
    {"mounts", FIELD_OBJECTS, offsetof(struct config_input, mounts), .fields = mount_fields,
     .item_size = sizeof(struct mount_input)},
    {"env", FIELD_JSON, offsetof(struct config_input, env)},
    {"metadata", FIELD_JSON, offsetof(struct config_input, metadata)},
    OTHER("auto_destroy", 0),
    OTHER("cache_drive", 1),
    OTHER("checks", 2),
    OTHER("containers", 3),
    OTHER("disable_machine_autostart", 4),
    OTHER("dns", 5),
    OTHER("files", 6),
    OTHER("init", 7),
    OTHER("metrics", 8),
    OTHER("processes", 9),
    OTHER("restart", 10),
    OTHER("rootfs", 11),
    OTHER("schedule", 12),
    OTHER("services", 13),
    OTHER("standbys", 14),
    OTHER("statics", 15),
    OTHER("stop_config", 16),
    FIELD_END,
};

struct preset {
    const char *size, *cpu_kind;
    int cpus, memory_mb;
};

static const struct preset presets[] = {
    {"shared-cpu-1x", "shared", 1, 256},           {"shared-cpu-2x", "shared", 2, 512},
    {"shared-cpu-4x", "shared", 4, 1024},          {"shared-cpu-8x", "shared", 8, 2048},
    {"performance-1x", "performance", 1, 2048},    {"performance-2x", "performance", 2, 4096},
    {"performance-4x", "performance", 4, 8192},    {"performance-8x", "performance", 8, 16384},
    {"performance-16x", "performance", 16, 32768},
};

static const struct preset *preset_of(const char *size)
{
    for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
        if (text_eq(presets[i].size, size))
            return &presets[i];
    }
    return NULL;
}

/* What the request leaves open is taken from the preset. */
static enum err check_guest(struct call *c, const struct guest_input *in,
                            const struct preset *preset, json_t *guest)
{
    const char *kind = in->cpu_kind ? in->cpu_kind : preset->cpu_kind;
    bool is_shared = text_eq(kind, "shared");
    if (!is_shared && !text_eq(kind, "performance"))
        return call_refuse(c, 400, NULL,
                           "invalid_argument: config.guest.cpu_kind must be shared or performance");
    int64_t cpus = in->cpus == INT_ABSENT ? preset->cpus : in->cpus;
    if ((cpus & (cpus - 1)) != 0 || (is_shared && cpus > 8))
        return call_refuse(
            c, 400, NULL,
            "invalid_argument: config.guest.cpus must be 1, 2, 4, 8, or performance 16");
    int64_t least = cpus * (is_shared ? MIB_PER_SHARED_CPU_MIN : MIB_PER_PERFORMANCE_CPU_MIN);
    int64_t most = cpus * (is_shared ? MIB_PER_SHARED_CPU_MAX : MIB_PER_PERFORMANCE_CPU_MAX);
    int64_t memory = in->memory_mb == INT_ABSENT ? least : in->memory_mb;
    if (memory < least || memory > most || memory % 256 != 0)
        return call_refuse(
            c, 400, NULL,
            "invalid_argument: config.guest.memory_mb must be a multiple of 256 between "
            "%lld and %lld for %lld %s CPUs",
            (long long)least, (long long)most, (long long)cpus, kind);
    json_put(guest, "cpu_kind", json_string(kind));
    json_put(guest, "cpus", json_integer(cpus));
    json_put(guest, "memory_mb", json_integer(memory));
    return OK;
}

static enum err check_texts(struct call *c, const json_t *config, const char *name)
{
    json_t *map = json_object_get(config, name), *value;
    const char *key;
    if (map && !json_is_null(map) && !json_is_object(map))
        return call_refuse(c, 400, NULL, "invalid_argument: config.%s must be an object", name);
    json_object_foreach (map, key, value) {
        if (!json_is_string(value))
            return call_refuse(c, 400, NULL, "invalid_argument: config.%s.%s must be text", name,
                               key);
    }
    return OK;
}

enum err fly_config_check(struct call *c, const struct config_input *in, const char **ret_config)
{
    const struct preset *preset = in->size ? preset_of(in->size) : &presets[0];
    if (!preset)
        return call_refuse(c, 400, NULL, "invalid_argument: config.size %s is not known", in->size);
    _cleanup_json_ json_t *config = json_deep_copy(json_object_get(c->body, "config"));
    TRY(check_texts(c, config, "env"));
    TRY(check_texts(c, config, "metadata"));
    json_t *guest = json_object_get(config, "guest");
    if (!json_is_object(guest)) {
        guest = json_object();
        json_put(config, "guest", guest);
    }
    TRY(check_guest(c, &in->guest, preset, guest));
    (void)json_object_del(config, "size");
    *ret_config = json_text(config, c->arena);
    return OK;
}
