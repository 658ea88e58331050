"""
Many customers come and go while a fifth of all the clouds' answers are faults of every kind; in the
end the clouds and the records agree, both ways, and nothing is left that nobody knows.

WEBHOST_SOAK_CUSTOMERS sets how many (20), WEBHOST_SOAK_RATE the share of faults (0.2) and
WEBHOST_SOAK_SEED which (7). Jobs back off for longer the more they fail; so that the end does not
depend on it, what waits is retried at once, as a person would with `webhost jobs retry`.
"""

import os

from support.cloud import everything
from support.customers import (
    LARGE,
    SMALL,
    assert_cloud_is_as_recorded,
    assert_slots_are_right,
    sign_up,
)
from support.leaving import offboard
from support.webhost import wait_until

CUSTOMERS = int(os.environ.get("WEBHOST_SOAK_CUSTOMERS", 20))
RATE = float(os.environ.get("WEBHOST_SOAK_RATE", 0.2))
SEED = int(os.environ.get("WEBHOST_SOAK_SEED", 7))
DEADLINE = 120 + 6 * CUSTOMERS

# Not action_error and machine_failed: a server or machine that the cloud gave up for good is not
# replaced by another yet, so who waits for it waits for ever.
KINDS = [
    "latency", "rate_limited", "server_error", "bad_gateway", "unavailable", "connection_reset",
    "capacity", "placement", "locked", "conflict", "lost_reply", "timeout",
]  # fmt: skip


def retry_what_waits(server):
    for state in ("retryable", "discarded"):
        server.post("/api/jobs/retry", {"state": state})
    # A job that gave up leaves one behind that comes a minute later.
    waiting = server.get("/api/jobs?state=scheduled&worker=OffboardingWorker&limit=200").body
    for job in waiting["jobs"]:
        server.post(f"/api/jobs/{job['id']}/retry")


def wait_for_all(server, ids, reached, what):
    left = set(ids)

    def done():
        for customer_id in sorted(left):
            if reached(server.get(f"/api/customers/{customer_id}").body):
                left.discard(customer_id)
        if left:
            retry_what_waits(server)
        return not left

    wait_until(done, f"{what}: {len(left)} of {len(ids)} are left", DEADLINE)


def test_after_many_came_and_left_amid_faults_clouds_and_records_are_equal(cloud):
    server = cloud.serve(gate=False, call_timeout_ms=5000)
    cloud.random_faults(RATE, SEED, *KINDS)
    ids = []
    for n in range(CUSTOMERS):
        body = sign_up(server, f"customer-{n}", LARGE if n % 2 else SMALL)
        ids.append(body["customer"]["id"])
    wait_for_all(server, ids, lambda c: c["deployment"]["status"] == "active", "setting up")
    assert_cloud_is_as_recorded(server, cloud)
    assert_slots_are_right(server, cloud)

    for customer_id in ids:
        offboard(server, customer_id, retention_days=0, reason="closed")
    wait_for_all(server, ids, lambda c: c["status"] == "cancelled", "leaving")
    assert sum(cloud.faults_given().values()) > CUSTOMERS * RATE
    cloud.clear_faults()
    assert_cloud_is_as_recorded(server, cloud)
    assert_slots_are_right(server, cloud)
    counts = cloud.state()["counts"]
    assert [counts[kind] for kind in ("apps", "machines", "volumes")] == [0, 0, 0]
    assert sum(host["slots_used"] for host in everything(server.get, "hosts")) == 0
    for customer_id in ids:
        deployment = server.get(f"/api/customers/{customer_id}").body["deployment"]
        assert deployment["status"] == "retired"
        assert all(r["status"] == "deleted" for r in deployment["resources"])
