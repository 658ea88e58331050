#include "domain/provisioning/settings.h"

#include "domain/provisioning/cidr.h"

#define ALLOW_FROM_MAX 100 /* networks in a firewall's rule at Hetzner */

static const struct field server_type_fields[] = {
    {"location", FIELD_TEXT, offsetof(struct hetzner_server_type, location), .required = true},
    {"type", FIELD_TEXT, offsetof(struct hetzner_server_type, type), .required = true},
    FIELD_END,
};

static const struct field location_fields[] = {
    {"location", FIELD_TEXT, offsetof(struct hetzner_location, location), .required = true},
    {"reserve_slots", FIELD_INT, offsetof(struct hetzner_location, reserve_slots), .min = 0,
     .max = 100000},
    {"hosts_max", FIELD_INT, offsetof(struct hetzner_location, hosts_max), .min = 0, .max = 10000},
    FIELD_END,
};

static const struct field hetzner_fields[] = {
    {"endpoint", FIELD_TEXT, offsetof(struct hetzner_settings, endpoint)},
    {"token_file", FIELD_TEXT, offsetof(struct hetzner_settings, token_file)},
    {"image", FIELD_TEXT, offsetof(struct hetzner_settings, image)},
    {"server_types", FIELD_OBJECTS, offsetof(struct hetzner_settings, server_types),
     .fields = server_type_fields, .item_size = sizeof(struct hetzner_server_type)},
    {"slots_per_host", FIELD_INT, offsetof(struct hetzner_settings, slots_per_host), .min = 1,
     .max = 10000},
    {"load_max", FIELD_DECIMAL, offsetof(struct hetzner_settings, load_max), .min = 1,
     .max = DECIMAL_ONE},
    {"reserve_slots", FIELD_INT, offsetof(struct hetzner_settings, reserve_slots), .min = 0,
     .max = 100000},
    {"hosts_max", FIELD_INT, offsetof(struct hetzner_settings, hosts_max), .min = 0, .max = 10000},
    {"empty_grace_ms", FIELD_INT, offsetof(struct hetzner_settings, empty_grace_ms), .min = 0,
     .max = 2592000000},
    {"drain_moves", FIELD_INT, offsetof(struct hetzner_settings, drain_moves), .min = 1,
     .max = 1000},
    {"locations", FIELD_OBJECTS, offsetof(struct hetzner_settings, locations),
     .fields = location_fields, .item_size = sizeof(struct hetzner_location)},
    {"allow_from", FIELD_TEXTS, offsetof(struct hetzner_settings, allow_from), .min = 0,
     .max = ALLOW_FROM_MAX, .check = cidr_check},
    {"ssh_keys", FIELD_TEXTS, offsetof(struct hetzner_settings, ssh_keys), .min = 0, .max = 50,
     .max_len = 255},
    {"ssh_public_key_file", FIELD_TEXT, offsetof(struct hetzner_settings, ssh_public_key_file)},
    {"network", FIELD_TEXT, offsetof(struct hetzner_settings, network), .max_len = 255},
    {"spread", FIELD_BOOL, offsetof(struct hetzner_settings, spread)},
    {"database_url", FIELD_TEXT, offsetof(struct hetzner_settings, database_url)},
    FIELD_END,
};

const char *const fly_check_types[] = {"none", "tcp", "http", NULL};
const char *const fly_postgres_names[] = {"machine", "managed", NULL};

const char *const fly_ip_types[] = {"shared_v4", "v4", "v6", "private_v6", NULL};

static const struct field check_fields[] = {
    {"type", FIELD_ENUM, offsetof(struct fly_check, type), .names = fly_check_types},
    {"path", FIELD_TEXT, offsetof(struct fly_check, path)},
    {"interval_ms", FIELD_INT, offsetof(struct fly_check, interval_ms), .min = 1000,
     .max = 3600000},
    {"timeout_ms", FIELD_INT, offsetof(struct fly_check, timeout_ms), .min = 100, .max = 60000},
    {"grace_ms", FIELD_INT, offsetof(struct fly_check, grace_ms), .min = 0, .max = 600000},
    FIELD_END,
};

static const struct field fly_fields[] = {
    {"endpoint", FIELD_TEXT, offsetof(struct fly_settings, endpoint)},
    {"uiex_endpoint", FIELD_TEXT, offsetof(struct fly_settings, uiex_endpoint)},
    {"token_file", FIELD_TEXT, offsetof(struct fly_settings, token_file)},
    {"org", FIELD_TEXT, offsetof(struct fly_settings, org)},
    {"image", FIELD_TEXT, offsetof(struct fly_settings, image)},
    {"port", FIELD_INT, offsetof(struct fly_settings, port), .min = 1, .max = 65535},
    {"ips", FIELD_TEXTS, offsetof(struct fly_settings, ips), .names = fly_ip_types},
    {"hostname", FIELD_TEXT, offsetof(struct fly_settings, hostname)},
    {"check", FIELD_OBJECT, offsetof(struct fly_settings, check), .fields = check_fields},
    {"postgres", FIELD_ENUM, offsetof(struct fly_settings, postgres), .names = fly_postgres_names},
    {"database_image", FIELD_TEXT, offsetof(struct fly_settings, database_image)},
    {"database_url", FIELD_TEXT, offsetof(struct fly_settings, database_url)},
    {"managed_database_url", FIELD_TEXT, offsetof(struct fly_settings, managed_database_url)},
    {"settle_ms", FIELD_INT, offsetof(struct fly_settings, settle_ms), .min = 0, .max = 600000},
    FIELD_END,
};

const struct field provisioning_fields[] = {
    {"hetzner", FIELD_OBJECT, offsetof(struct provisioning_settings, hetzner),
     .fields = hetzner_fields},
    {"fly", FIELD_OBJECT, offsetof(struct provisioning_settings, fly), .fields = fly_fields},
    {"call_timeout_ms", FIELD_INT, offsetof(struct provisioning_settings, call_timeout_ms),
     .min = 100, .max = 600000},
    {"call_wait_ms", FIELD_INT, offsetof(struct provisioning_settings, call_wait_ms), .min = 0,
     .max = 60000},
    {"interactive_percent", FIELD_INT, offsetof(struct provisioning_settings, interactive_percent),
     .min = 0, .max = 90},
    {"keep_calls_days", FIELD_INT, offsetof(struct provisioning_settings, keep_calls_days),
     .min = 1, .max = 3650},
    {"reconcile_grace_ms", FIELD_INT, offsetof(struct provisioning_settings, reconcile_grace_ms),
     .min = 1000, .max = INT64_C(31536000000)},
    {"reconcile_settle_ms", FIELD_INT, offsetof(struct provisioning_settings, reconcile_settle_ms),
     .min = 1000, .max = 86400000},
    {"wait_ms", FIELD_INT, offsetof(struct provisioning_settings, wait_ms), .min = 10,
     .max = 60000},
    {"ready_ms", FIELD_INT, offsetof(struct provisioning_settings, ready_ms), .min = 1000,
     .max = 86400000},
    FIELD_END,
};

static struct hetzner_server_type default_types[] = {
    {"fsn1", "cpx32"}, {"nbg1", "cpx32"}, {"hel1", "cpx32"},
    {"ash", "cpx31"},  {"hil", "cpx31"},  {"sin", "cpx22"},
};

static const char *default_ips[] = {"shared_v4", "v6"};

struct provisioning_settings provisioning_settings_default(void)
{
    return (struct provisioning_settings){
        .hetzner =
            {
                .endpoint = "https://api.hetzner.cloud/v1",
                .image = "debian-12",
                .server_types = {default_types, ARRAY_LEN(default_types)},
                .slots_per_host = 40,
                .load_max = DECIMAL_ONE / 4 * 3,
                .reserve_slots = 4,
                .hosts_max = 20,
                .empty_grace_ms = 3600000,
                .drain_moves = 2,
                .database_url = "postgres://webhost:{password:{host}}@{address}:5432/fleet"
                                "?sslmode=require&channel_binding=require",
            },
        .fly =
            {
                .endpoint = "https://api.machines.dev/v1",
                .uiex_endpoint = "https://api.fly.io",
                .org = "personal",
                .image = "registry.fly.io/fleet:latest",
                .database_image = "flyio/postgres-flex:15",
                .database_url = "postgres://webhost@{app}.internal:5432/fleet",
                .managed_database_url =
                    "postgres://{user}:{password}@{host}:{port}/fly-db?sslmode=require",
                .port = 8080,
                .ips = {default_ips, ARRAY_LEN(default_ips)},
                .check = {.type = FLY_CHECK_NONE,
                          .path = "/healthz",
                          .interval_ms = 15000,
                          .timeout_ms = 5000,
                          .grace_ms = 30000},
                .settle_ms = 5000,
            },
        .call_timeout_ms = 30000,
        .call_wait_ms = 2000,
        .interactive_percent = 10,
        .keep_calls_days = 14,
        .reconcile_grace_ms = 86400000,
        .reconcile_settle_ms = 600000,
        .wait_ms = 500,
        .ready_ms = 900000,
    };
}
