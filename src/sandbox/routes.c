/*
 * Every path of the emulated clouds, and which operation answers it.
 */
#include "sandbox/call.h"

#include "sandbox/faults.h"
#include "sandbox/fly.h"
#include "sandbox/hetzner.h"
#include "sandbox/state.h"

#define ROUTE(method, pattern, api, access, operation)                                             \
    {                                                                                              \
        method, pattern, sandbox_serve, 0, &(const struct endpoint)                                \
        {                                                                                          \
            api, access, operation                                                                 \
        }                                                                                          \
    }
#define HETZNER(method, pattern, access, operation)                                                \
    ROUTE(HTTP_##method, "/v1" pattern, API_HETZNER, ACCESS_##access, hetzner_##operation)
#define FLY(method, pattern, access, operation)                                                    \
    ROUTE(HTTP_##method, pattern, API_FLY, ACCESS_##access, fly_##operation)
#define ADMIN(method, pattern, access, operation)                                                  \
    ROUTE(HTTP_##method, "/sandbox" pattern, API_ADMIN, ACCESS_##access, operation)

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
    HETZNER(GET, "/images", OWN, image_list),
    HETZNER(GET, "/images/{id}", OWN, image_get),
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
    ADMIN(GET, "/state", READ, sandbox_state_show),
};

const size_t sandbox_route_count = ARRAY_LEN(sandbox_routes);
