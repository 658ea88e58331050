/*
 * Every path of the emulated clouds, and which operation answers it.
 */
#include "sandbox/call.h"

#include "sandbox/faults.h"
#include "sandbox/fly.h"
#include "sandbox/hetzner.h"
#include "sandbox/hetzner_things.h"
#include "sandbox/settings.h"
#include "sandbox/state.h"

#define ROUTE(method, pattern, api, access, operation, about)                                      \
    {                                                                                              \
        method, pattern, sandbox_serve, 0, &(const struct endpoint)                                \
        {                                                                                          \
            api, access, operation, about                                                          \
        }                                                                                          \
    }
#define HETZNER(method, pattern, access, operation)                                                \
    ROUTE(HTTP_##method, "/v1" pattern, API_HETZNER, ACCESS_##access, hetzner_##operation, NULL)
#define FLY(method, pattern, access, operation)                                                    \
    ROUTE(HTTP_##method, pattern, API_FLY, ACCESS_##access, fly_##operation, NULL)
#define ADMIN(method, pattern, access, operation)                                                  \
    ROUTE(HTTP_##method, "/sandbox" pattern, API_ADMIN, ACCESS_##access, operation, NULL)

#define THING(method, pattern, access, operation, kind)                                            \
    ROUTE(HTTP_##method, "/v1" pattern, API_HETZNER, ACCESS_##access, operation, &hetzner_##kind)

/* What every kind of hetzner_things.h can do. */
#define THINGS(path, kind)                                                                         \
    THING(GET, path, READ, thing_list, kind), THING(POST, path, WRITE, kind##_create, kind),       \
        THING(GET, path "/actions/{id}", READ, hetzner_action_get, kind),                          \
        THING(GET, path "/{id}", READ, thing_get, kind),                                           \
        THING(PUT, path "/{id}", WRITE, thing_update, kind),                                       \
        THING(DELETE, path "/{id}", WRITE, thing_delete, kind),                                    \
        THING(GET, path "/{id}/actions", READ, thing_actions, kind),                               \
        THING(GET, path "/{id}/actions/{action_id}", READ, hetzner_action_get, kind)

#define APP     "/v1/apps/{app}"
#define MACHINE "/v1/apps/{app}/machines/{machine}"

const struct http_route sandbox_routes[] = {
    HETZNER(GET, "/servers", READ, server_list),
    HETZNER(POST, "/servers", WRITE, server_create),
    HETZNER(GET, "/servers/{id}", READ, server_get),
    HETZNER(PUT, "/servers/{id}", WRITE, server_update),
    HETZNER(DELETE, "/servers/{id}", WRITE, server_delete),
    HETZNER(GET, "/servers/{id}/actions", READ, server_actions),
    HETZNER(POST, "/servers/{id}/actions/poweron", WRITE, server_poweron),
    HETZNER(POST, "/servers/{id}/actions/poweroff", WRITE, server_poweroff),
    HETZNER(POST, "/servers/{id}/actions/shutdown", WRITE, server_shutdown),
    HETZNER(POST, "/servers/{id}/actions/reboot", WRITE, server_reboot),
    HETZNER(POST, "/servers/{id}/actions/reset", WRITE, server_reset),
    HETZNER(GET, "/servers/{id}/actions/{action_id}", READ, action_get),
    HETZNER(POST, "/servers/{id}/actions/rebuild", WRITE, server_rebuild),
    HETZNER(POST, "/servers/{id}/actions/change_type", WRITE, server_change_type),
    HETZNER(POST, "/servers/{id}/actions/change_protection", WRITE, server_change_protection),
    HETZNER(POST, "/servers/{id}/actions/enable_backup", WRITE, server_enable_backup),
    HETZNER(POST, "/servers/{id}/actions/disable_backup", WRITE, server_disable_backup),
    HETZNER(POST, "/servers/{id}/actions/create_image", WRITE, server_create_image),
    HETZNER(POST, "/servers/{id}/actions/attach_to_network", WRITE, server_attach_to_network),
    HETZNER(POST, "/servers/{id}/actions/detach_from_network", WRITE, server_detach_from_network),
    HETZNER(POST, "/servers/{id}/actions/add_to_placement_group", WRITE,
            server_add_to_placement_group),
    HETZNER(POST, "/servers/{id}/actions/remove_from_placement_group", WRITE,
            server_remove_from_placement_group),
    HETZNER(POST, "/servers/{id}/actions/change_dns_ptr", WRITE, server_change_dns_ptr),
    HETZNER(GET, "/servers/{id}/metrics", READ, server_metrics),
    THINGS("/firewalls", firewall),
    THING(POST, "/firewalls/{id}/actions/set_rules", WRITE, firewall_set_rules, firewall),
    THING(POST, "/firewalls/{id}/actions/apply_to_resources", WRITE, firewall_apply, firewall),
    THING(POST, "/firewalls/{id}/actions/remove_from_resources", WRITE, firewall_remove, firewall),
    THINGS("/networks", network),
    THING(POST, "/networks/{id}/actions/add_subnet", WRITE, network_add_subnet, network),
    THING(POST, "/networks/{id}/actions/delete_subnet", WRITE, network_delete_subnet, network),
    THING(POST, "/networks/{id}/actions/add_route", WRITE, network_add_route, network),
    THING(POST, "/networks/{id}/actions/delete_route", WRITE, network_delete_route, network),
    THING(POST, "/networks/{id}/actions/change_ip_range", WRITE, network_change_ip_range, network),
    THING(POST, "/networks/{id}/actions/change_protection", WRITE, thing_change_protection,
          network),
    THINGS("/volumes", volume),
    THING(POST, "/volumes/{id}/actions/attach", WRITE, volume_attach, volume),
    THING(POST, "/volumes/{id}/actions/detach", WRITE, volume_detach, volume),
    THING(POST, "/volumes/{id}/actions/resize", WRITE, volume_resize, volume),
    THING(POST, "/volumes/{id}/actions/change_protection", WRITE, thing_change_protection, volume),
    THINGS("/placement_groups", placement_group),
    THINGS("/primary_ips", primary_ip),
    THING(POST, "/primary_ips/{id}/actions/assign", WRITE, primary_ip_assign, primary_ip),
    THING(POST, "/primary_ips/{id}/actions/unassign", WRITE, primary_ip_unassign, primary_ip),
    THING(POST, "/primary_ips/{id}/actions/change_dns_ptr", WRITE, primary_ip_change_dns_ptr,
          primary_ip),
    THING(POST, "/primary_ips/{id}/actions/change_protection", WRITE, thing_change_protection,
          primary_ip),
    HETZNER(GET, "/actions", READ, action_list),
    HETZNER(GET, "/actions/{id}", READ, action_get),
    HETZNER(GET, "/ssh_keys", READ, ssh_key_list),
    HETZNER(POST, "/ssh_keys", WRITE, ssh_key_create),
    HETZNER(GET, "/ssh_keys/{id}", READ, ssh_key_get),
    HETZNER(PUT, "/ssh_keys/{id}", WRITE, ssh_key_update),
    HETZNER(DELETE, "/ssh_keys/{id}", WRITE, ssh_key_delete),
    HETZNER(GET, "/locations", OWN, location_list),
    HETZNER(GET, "/locations/{id}", OWN, location_get),
    HETZNER(GET, "/server_types", OWN, type_list),
    HETZNER(GET, "/server_types/{id}", OWN, type_get),
    HETZNER(GET, "/images", READ, image_list),
    HETZNER(GET, "/images/{id}", READ, image_get),
    HETZNER(DELETE, "/images/{id}", WRITE, image_delete),
    HETZNER(GET, "/pricing", OWN, pricing),

    FLY(GET, "/v1/platform/regions", OWN, region_list),
    FLY(GET, "/v1/apps", READ, app_list),
    FLY(POST, "/v1/apps", WRITE, app_create),
    FLY(GET, APP, READ, app_get),
    FLY(DELETE, APP, WRITE, app_delete),
    FLY(GET, APP "/machines", READ, machine_list),
    FLY(POST, APP "/machines", WRITE, machine_create),
    FLY(GET, MACHINE, READ, machine_get),
    FLY(POST, MACHINE, WRITE, machine_update),
    FLY(DELETE, MACHINE, WRITE, machine_delete),
    FLY(POST, MACHINE "/start", WRITE, machine_start),
    FLY(POST, MACHINE "/stop", WRITE, machine_stop),
    FLY(POST, MACHINE "/suspend", WRITE, machine_suspend),
    FLY(POST, MACHINE "/restart", WRITE, machine_restart),
    FLY(GET, MACHINE "/wait", OWN, machine_wait),
    FLY(GET, MACHINE "/lease", READ, lease_show),
    FLY(POST, MACHINE "/lease", WRITE, lease_acquire),
    FLY(DELETE, MACHINE "/lease", WRITE, lease_release),
    FLY(GET, MACHINE "/metadata", READ, metadata_show),
    FLY(PUT, MACHINE "/metadata", WRITE, metadata_replace),
    FLY(PATCH, MACHINE "/metadata", WRITE, metadata_merge),
    FLY(GET, MACHINE "/metadata/{key}", READ, metadata_get_key),
    FLY(POST, MACHINE "/metadata/{key}", WRITE, metadata_set_key),
    FLY(DELETE, MACHINE "/metadata/{key}", WRITE, metadata_delete_key),
    FLY(GET, APP "/volumes", READ, volume_list),
    FLY(POST, APP "/volumes", WRITE, volume_create),
    FLY(GET, APP "/volumes/{volume}", READ, volume_get),
    FLY(PUT, APP "/volumes/{volume}", WRITE, volume_update),
    FLY(PUT, APP "/volumes/{volume}/extend", WRITE, volume_extend),
    FLY(DELETE, APP "/volumes/{volume}", WRITE, volume_delete),
    FLY(GET, APP "/secrets", READ, secret_list),
    FLY(POST, APP "/secrets", WRITE, secret_set_many),
    FLY(POST, APP "/secrets/{secret}", WRITE, secret_set),
    FLY(DELETE, APP "/secrets/{secret}", WRITE, secret_delete),
    FLY(GET, APP "/ip_assignments", READ, ip_list),
    FLY(POST, APP "/ip_assignments", WRITE, ip_assign),
    FLY(DELETE, APP "/ip_assignments/{ip}", WRITE, ip_release),
    FLY(GET, APP "/certificates", READ, certificate_list),
    FLY(POST, APP "/certificates/acme", WRITE, certificate_request),
    FLY(GET, APP "/certificates/{hostname}", READ, certificate_get),
    FLY(POST, APP "/certificates/{hostname}/check", READ, certificate_get),
    FLY(DELETE, APP "/certificates/{hostname}", WRITE, certificate_delete),
    FLY(GET, "/v1/orgs/{org}/machines", READ, org_machine_list),
    FLY(POST, "/v1/postgres", WRITE, postgres_create),
    FLY(GET, "/v1/postgres/{id}", READ, postgres_get),
    FLY(GET, "/v1/postgres/{id}/users/{user}/credentials", READ, postgres_credentials),
    FLY(GET, "/api/v1/organizations/{org}/postgres", READ, postgres_list),
    FLY(DELETE, "/api/v1/organizations/{org}/postgresv2/{id}", WRITE, postgres_delete),

    ADMIN(GET, "/faults", OWN, faults_show),
    ADMIN(POST, "/faults", OWN, faults_add),
    ADMIN(DELETE, "/faults", OWN, faults_clear),
    ADMIN(GET, "/settings", OWN, settings_show),
    ADMIN(PATCH, "/settings", OWN, settings_change),
    ADMIN(DELETE, "/settings", OWN, settings_clear),
    ADMIN(GET, "/state", READ, sandbox_state_show),
};

const size_t sandbox_route_count = ARRAY_LEN(sandbox_routes);
