"""The same product on PostgreSQL: one node, two that share the work, and one that dies."""

from support.cloud import everything
from support.customers import (
    LARGE,
    SMALL,
    assert_cloud_is_as_recorded,
    sign_up,
    signup_body,
    status_of,
    wait_active,
)
from support.fleet import fleet, postgres  # noqa: F401
from support.webhost import wait_until

CUSTOMERS = 24


def test_one_node(fleet):  # noqa: F811
    server = fleet.serve("one")
    sign_up(server, "small", SMALL)
    sign_up(server, "large", LARGE)
    wait_active(server, "small", "large")
    assert status_of(server, "small")["deployment"]["infrastructure"] == "hetzner"
    assert status_of(server, "large")["deployment"]["regions"] == ["iad", "fra"]
    assert fleet.tenants() == ["large", "small"]
    assert server.post("/api/signup", signup_body("small")).status == 409
    assert_cloud_is_as_recorded(server, fleet.cloud)
    server.stop()
    again = fleet.serve("one")
    assert "admin token" not in again.out
    assert len(everything(again.get, "customers")) == 2


def ran_provisioning(node):
    """Whether this very node ran a job of the queue, whoever ended it."""
    queues = {queue["name"]: queue for queue in node.get("/api/queues").body["queues"]}
    return queues["provisioning"]["this_node"]["run"]["p50_ms"] is not None


def test_two_nodes_share_the_work(fleet):  # noqa: F811
    first, second = fleet.serve("first"), fleet.serve("second")
    assert "admin token" not in second.out
    # Whoever takes the first job is held with it, one job at a time: the rest is the other's.
    assert first.post("/api/queues/provisioning/scale", {"node_limit": 1}).status == 200
    stop = fleet.cloud.gate.stop("POST", r"/v1/servers$")
    slugs = [f"customer-{i:02}" for i in range(CUSTOMERS)]
    sign_up(first, slugs[0])
    stop.wait()
    for i, slug in enumerate(slugs[1:]):
        sign_up((first, second)[i % 2], slug)
    wait_active(first, *slugs[1:])
    fleet.cloud.gate.open()
    wait_active(first, *slugs)
    wait_until(lambda: set(fleet.jobs()) == {"completed"}, "a job has not ended")
    assert all(ran_provisioning(node) for node in (first, second))
    assert fleet.tenants() == slugs
    assert len(fleet.jobs()) == CUSTOMERS
    assert fleet.cloud.state()["counts"]["servers"] == 1
    shown = [everything(node.get, "customers") for node in (first, second)]
    assert shown[0] == shown[1]
    assert_cloud_is_as_recorded(second, fleet.cloud)


def test_two_nodes_and_one_dies_the_other_takes_over(fleet):  # noqa: F811
    stop = fleet.cloud.gate.stop("POST", r"/v1/servers$", after=True)
    first = fleet.serve("first")
    sign_up(first, "small", SMALL)
    stop.wait()
    second = fleet.serve("second")
    sign_up(second, "meanwhile", LARGE)
    first.kill()
    fleet.cloud.gate.open()
    wait_active(second, "small", "meanwhile")
    assert_cloud_is_as_recorded(second, fleet.cloud)
    assert fleet.tenants() == ["meanwhile", "small"]
