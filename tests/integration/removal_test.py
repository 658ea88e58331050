"""
kill -9 at every point of a dedicated instance's removal: whoever takes the job up leaves nothing in
the cloud, and the records say so.

One customer for each point. They all leave at once, each is stopped at its own request to the
cloud, before the request had its effect or between the effect and the reply, and then the process
dies.
"""

from support.customers import signup_body, things_in, wait_active
from support.leaving import (
    fetch,
    fill,
    offboard,
    offboarding_of,
    read_export,
    rows_of,
    wait_offboarding,
)

# By the plan's scoring a dedicated instance of the smallest plan: one application, one database.
DEDICATED = {"budget": 200, "vehicle_count": 15}
PLAN = "starter"

BEFORE, AFTER = False, True

MACHINE = r"/machines/[^/]+$"
LEASE = r"/machines/[^/]+/lease$"
VOLUME = r"/volumes/[^/]+$"
IP = r"/ip_assignments/[^/]+$"
CERTIFICATE = r"/certificates/[^/]+$"
APP = "$"

# Where each customer's removal stands, in the order in which it goes on: (method, path behind the
# app's, when, let by).
POINTS = {
    "nothing-done": ("POST", LEASE, BEFORE, 0),
    "machine-leased": ("POST", LEASE, AFTER, 0),
    "before-machine-goes": ("DELETE", MACHINE, BEFORE, 0),
    "machine-gone": ("DELETE", MACHINE, AFTER, 0),
    "last-machine-leased": ("POST", LEASE, AFTER, 1),
    "last-machine-gone": ("DELETE", MACHINE, AFTER, 1),
    "before-volume-goes": ("DELETE", VOLUME, BEFORE, 0),
    "volume-gone": ("DELETE", VOLUME, AFTER, 0),
    "last-volume-gone": ("DELETE", VOLUME, AFTER, 1),
    "before-address-goes": ("DELETE", IP, BEFORE, 0),
    "address-gone": ("DELETE", IP, AFTER, 0),
    "last-address-gone": ("DELETE", IP, AFTER, 1),
    "before-certificate-goes": ("DELETE", CERTIFICATE, BEFORE, 0),
    "certificate-gone": ("DELETE", CERTIFICATE, AFTER, 0),
    "before-app-goes": ("DELETE", APP, BEFORE, 0),
    "app-gone": ("DELETE", APP, AFTER, 0),
    "being-confirmed": ("GET", APP, AFTER, 0),
    "about-to-be-recorded": ("GET", APP, AFTER, 1),
}


def arrive(cloud, server, slug):
    """Signs up, waits, fills; returns (customer's id, app, rows)."""
    wait_active(server, slug)
    customer = server.get(f"/api/customers/{slug}").body
    app = customer["deployment"]["app"]
    path = cloud.webhost.folder / "fly" / f"{app}.db"
    fill(path, customer["id"], vehicles=1, points=2)
    return customer["id"], app, rows_of(path, customer["id"])


def stop_at(cloud, app, point):
    method, path, when, skip = point
    return cloud.gate.stop(method, f"^/v1/apps/{app}{path}", when, skip)


def test_a_kill_at_any_point_of_a_removal_leaves_nothing_behind(cloud):
    server = cloud.serve(fly={"hostname": "{slug}.example.com"})
    for slug in POINTS:
        answer = server.post("/api/signup", signup_body(slug, DEDICATED, PLAN))
        assert answer.body["decision"]["mode"] == "single_tenant", answer.text
    customers = {slug: arrive(cloud, server, slug) for slug in POINTS}

    stops = [stop_at(cloud, app, POINTS[slug]) for slug, (_, app, _) in customers.items()]
    # All at once: as many places as customers.
    assert server.post("/api/queues/maintenance/scale", {"node_limit": len(POINTS)}).status == 200
    for slug in POINTS:
        offboard(server, slug, retention_days=0)
    for stop in stops:
        stop.wait()
    for customer_id, _, _ in customers.values():
        assert offboarding_of(server, customer_id)["state"] == "deleting"
    server.kill()
    cloud.gate.open()

    server = cloud.serve(fly={"hostname": "{slug}.example.com"})
    for customer_id, app, rows in customers.values():
        wait_offboarding(server, customer_id, "done")
        deployment = server.get(f"/api/customers/{customer_id}").body["deployment"]
        assert deployment["status"] == "retired"
        assert {r["status"] for r in deployment["resources"]} == {"deleted"}
        assert cloud.tenants("fly", app) == []
        assert read_export(fetch(server, customer_id))[1] == rows
    assert things_in(cloud.state()) == []
