"""
kill -9 at exact points of provisioning: nothing doubled, nothing forgotten, the customer active.

A gate before the clouds stops one request to each of them, before it has its effect or between the
effect and the reply. Then the control plane dies, and another starts with the same data.
"""

import pytest

from support.cloud import everything
from support.customers import (
    LARGE,
    SMALL,
    assert_cloud_is_as_recorded,
    assert_slots_are_right,
    sign_up,
    wait_active,
    wait_for,
)
from support.webhost import wait_until

BEFORE, AFTER = False, True

SERVERS = r"/v1/servers$"
ACTIONS = r"/v1/servers/\d+/actions$"
SERVER = r"/v1/servers/\d+$"
APPS = r"/v1/apps$"
VOLUMES = r"/volumes$"
MACHINES = r"/machines$"
MACHINE = r"/machines/[^/]+$"

# Where Hetzner's and where Fly's job stand when the process dies: (method, path, when, let by).
POINTS = [
    pytest.param(("GET", SERVERS, AFTER, 0), ("POST", APPS, BEFORE, 0), id="nothing-ordered"),
    pytest.param(("POST", SERVERS, BEFORE, 0), ("POST", APPS, AFTER, 0), id="app-made"),
    pytest.param(("POST", SERVERS, AFTER, 0), ("POST", VOLUMES, AFTER, 0), id="server-made"),
    pytest.param(("GET", ACTIONS, AFTER, 0), ("POST", MACHINES, AFTER, 0), id="database-made"),
    pytest.param(("GET", ACTIONS, AFTER, 1), ("POST", MACHINES, AFTER, 2), id="last-machine-made"),
    pytest.param(("GET", SERVER, AFTER, 0), ("GET", MACHINE, AFTER, 0), id="almost-done"),
]


def stop_at(cloud, point):
    method, path, after, skip = point
    return cloud.gate.stop(method, path, after=after, skip=skip)


def assert_each_exists_once(server, cloud):
    assert_cloud_is_as_recorded(server, cloud)
    assert_slots_are_right(server, cloud)
    counts = cloud.state()["counts"]
    # professional: a database and an application machine in each of two regions
    assert (counts["servers"], counts["apps"]) == (1, 1)
    assert (counts["machines"], counts["volumes"]) == (3, 3)
    jobs = everything(server.get, "jobs")
    assert [job["state"] for job in jobs] == ["completed", "completed"]


@pytest.mark.parametrize(("hetzner", "fly"), POINTS)
def test_a_kill_while_both_clouds_are_asked(cloud, hetzner, fly):
    stops = [stop_at(cloud, hetzner), stop_at(cloud, fly)]
    server = cloud.serve()
    sign_up(server, "small", SMALL)
    sign_up(server, "large", LARGE)
    for stop in stops:
        stop.wait()
    server.kill()
    cloud.gate.open()

    server = cloud.serve()
    wait_active(server, "small", "large")
    assert_each_exists_once(server, cloud)


def test_a_kill_right_after_the_reply_to_a_signup(cloud):
    server = cloud.serve()
    sign_up(server, "small", SMALL)
    sign_up(server, "large", LARGE)
    server.kill()
    server = cloud.serve()
    wait_active(server, "small", "large")
    assert_each_exists_once(server, cloud)


def test_two_kills_in_a_row_then_it_goes_through(cloud):
    for hetzner, fly in [
        (("POST", SERVERS, AFTER, 0), ("POST", APPS, AFTER, 0)),
        (("GET", ACTIONS, AFTER, 0), ("POST", MACHINES, AFTER, 1)),
    ]:
        stops = [stop_at(cloud, hetzner), stop_at(cloud, fly)]
        server = cloud.serve()
        if server.get("/api/customers/small").status == 404:
            sign_up(server, "small", SMALL)
            sign_up(server, "large", LARGE)
        for stop in stops:
            stop.wait()
        server.kill()
        cloud.gate.open()

    server = cloud.serve()
    wait_active(server, "small", "large")
    assert_each_exists_once(server, cloud)


def test_a_job_that_dies_with_its_process_each_time_is_given_up_and_can_be_retried(cloud):
    for attempt in range(3):
        stop = cloud.gate.stop("GET", SERVERS, after=True)
        server = cloud.serve()
        if attempt == 0:
            sign_up(server, "small", SMALL)
        stop.wait()
        server.kill()
        cloud.gate.open()

    server = cloud.serve()
    status = wait_for(server, "small", "failed")
    assert "stopped answering" in status["deployment"]["error"]
    (job,) = everything(server.get, "jobs", state="discarded")
    assert len(server.get(f"/api/jobs/{job['id']}").body["errors"]) == 3

    assert server.post(f"/api/jobs/{job['id']}/retry").status == 200
    wait_until(lambda: not everything(server.get, "jobs", state="discarded"), "still discarded")
    wait_active(server, "small")
    assert_cloud_is_as_recorded(server, cloud)


@pytest.mark.parametrize(
    ("slug", "profile", "path"),
    [
        pytest.param("small", SMALL, "/v1/servers", id="server"),
        pytest.param("large", LARGE, "/v1/apps", id="app"),
    ],
)
def test_a_lost_reply_is_found_out_and_what_it_made_adopted(cloud, slug, profile, path):
    cloud.fault("POST", path, {"drop_reply_after_effect": True}, count=1)
    server = cloud.serve(gate=False)
    sign_up(server, slug, profile)
    wait_active(server, slug)
    assert_cloud_is_as_recorded(server, cloud)
    (job,) = everything(server.get, "jobs")
    assert (job["state"], job["attempt"]) == ("completed", 2)
    (error,) = server.get(f"/api/jobs/{job['id']}").body["errors"]
    assert error["error"]


def test_the_replies_about_a_volume_and_its_machine_are_lost(cloud):
    cloud.fault("POST", "/v1/apps/", {"drop_reply_after_effect": True}, count=2)
    server = cloud.serve(gate=False)
    sign_up(server, "large", LARGE)
    wait_active(server, "large")
    assert_cloud_is_as_recorded(server, cloud)
    assert cloud.state()["counts"]["machines"] == 3
