"""
kill -9 at exact points of scaling an instance: whoever takes the job up brings the cloud to the
shape that was asked for, and at the end the records and the cloud are equal.
"""

import pytest

from support.cloud import everything
from support.customers import LARGE, SMALL, assert_cloud_is_as_recorded, sign_up, wait_active
from support.webhost import wait_until

BEFORE, AFTER = False, True

EXTEND = r"/extend$"
LEASE = r"/lease$"
MACHINE = r"/machines/[^/]+$"
MACHINES = r"/machines$"
VOLUMES = r"/volumes$"
VOLUME = r"/volumes/[^/]+$"

# LARGE has professional's shape: a database and an application in each of two regions.
UP, DOWN = "business", "starter"

POINTS = [
    pytest.param(UP, "POST", VOLUMES, AFTER, 0, id="a-new-volume"),
    pytest.param(UP, "POST", MACHINES, AFTER, 1, id="a-new-machine"),
    pytest.param(UP, "PUT", EXTEND, AFTER, 0, id="a-volume-extended"),
    pytest.param(UP, "POST", LEASE, AFTER, 0, id="a-lease-held"),
    pytest.param(UP, "POST", MACHINE, BEFORE, 0, id="before-a-change"),
    pytest.param(UP, "POST", MACHINE, AFTER, 1, id="a-machine-changed"),
    pytest.param(DOWN, "DELETE", MACHINE, AFTER, 0, id="a-machine-destroyed"),
    pytest.param(DOWN, "DELETE", VOLUME, BEFORE, 0, id="before-a-volume-goes"),
    pytest.param(DOWN, "DELETE", VOLUME, AFTER, 0, id="a-volume-gone"),
]


def instance(server):
    answer = server.get("/api/instances/large")
    assert answer.status == 200, answer.text
    return answer.body


def wait_scaled(server):
    def scaled():
        now = instance(server)
        assert now["scale_error"] is None, now["scale_error"]
        return not now["scaling"]

    wait_until(scaled, "the instance is not scaled", 120)


def assert_equal_to_the_cloud(server, cloud):
    """Like assert_cloud_is_as_recorded(), with what was removed on the way recorded as deleted."""
    for one in everything(server.get, "instances"):
        assert {r["status"] for r in one["resources"]} <= {"created", "deleted"}

    def live(path, **filters):
        answer = server.get(path, **filters)
        for one in answer.body.get("instances", []):
            one["resources"] = [r for r in one["resources"] if r["status"] == "created"]
        return answer

    class Live:
        get = staticmethod(live)

    assert_cloud_is_as_recorded(Live, cloud)


@pytest.mark.parametrize(("plan", "method", "path", "after", "skip"), POINTS)
def test_a_kill_while_an_instance_is_scaled(cloud, plan, method, path, after, skip):
    server = cloud.serve()
    sign_up(server, "large", LARGE)
    wait_active(server, "large")
    stop = cloud.gate.stop(method, path, after, skip)
    answer = server.post("/api/instances/large/scale", {"plan": plan})
    assert answer.status == 202, answer.text
    stop.wait()
    server.kill()
    cloud.gate.open()

    server = cloud.serve()
    wait_scaled(server)
    counts = cloud.state()["counts"]
    wanted = 7 if plan == UP else 2
    assert (counts["machines"], counts["volumes"]) == (wanted, wanted)
    assert_equal_to_the_cloud(server, cloud)
    database = [r for r in instance(server)["resources"] if r["kind"] == "database_machine"]
    assert [r["size"] for r in database] == [
        "performance-2 4096 MB" if plan == UP else "shared-4 1024 MB"
    ]


def test_an_instance_is_shown_and_scaled_by_command(cloud):
    server = cloud.serve()
    sign_up(server, "large", LARGE)
    wait_active(server, "large")
    env = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    run = cloud.webhost.run
    assert "large" in run("instances", env=env).stdout
    shown = run("instances", "show", "large", env=env).stdout
    assert "database_machine" in shown and "professional" in shown
    assert "is being scaled by job" in run(
        "instances", "scale", "large", "--plan", "starter", env=env
    ).stdout  # fmt: skip
    wait_scaled(server)
    assert "starter" in run("instances", "show", "large", env=env).stdout
    assert run("instances", "show", "nobody", status=3, env=env).stderr
    refused = run("instances", "scale", "large", "--regions", "fra", status=2, env=env).stderr
    assert "the database is in iad" in refused


def test_a_plan_that_is_changed_by_command_scales_the_instance(cloud):
    server = cloud.serve()
    sign_up(server, "large", LARGE)
    sign_up(server, "small", SMALL)
    wait_active(server, "large", "small")
    env = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    run = cloud.webhost.run
    said = run("customers", "plan", "large", UP, env=env).stdout
    assert said.startswith("large has plan business; its instance is being scaled by job ")
    wait_scaled(server)
    assert cloud.state()["counts"]["machines"] == 7
    assert server.get("/api/customers/large").body["plan"] == UP
    assert_equal_to_the_cloud(server, cloud)

    again = server.request("PATCH", "/api/customers/large", {"plan": UP})
    assert (again.status, again.body["job"]) == (200, None)
    said = run("customers", "plan", "small", "starter", env=env).stdout
    assert said == "small has plan starter\n"
    assert server.get("/api/customers/small").body["deployment"]["plan"] == "hobby"
    wrong = server.request("PATCH", "/api/customers/large", {"plan": "gold"})
    assert wrong.status == 422 and wrong.body["errors"][0]["field"] == "plan"
    assert "gold" in run("customers", "plan", "large", "gold", status=2, env=env).stderr
    assert run("customers", "plan", "nobody", UP, status=3, env=env).stderr
