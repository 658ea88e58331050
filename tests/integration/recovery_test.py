"""Kills one after the other, and replies that get lost: jobs try again and adopt what there is."""

import pytest

from support.cloud import everything
from support.customers import (
    LARGE,
    SMALL,
    assert_cloud_is_as_recorded,
    assert_small_and_large_exist_once,
    job_states,
    sign_up,
    status_of,
    wait_active,
    wait_for,
)
from support.engine import execute
from support.webhost import wait_until

SERVERS = r"/v1/servers$"
ACTIONS = r"/v1/actions$"
APPS = r"/v1/apps$"
MACHINES = r"/machines$"


def test_two_kills_in_a_row_then_it_goes_through(cloud):
    for hetzner, fly in [
        (("POST", SERVERS, True, 0), ("POST", APPS, True, 0)),
        (("GET", ACTIONS, True, 0), ("POST", MACHINES, True, 1)),
    ]:
        stops = [cloud.gate.stop(*hetzner), cloud.gate.stop(*fly)]
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
    assert_small_and_large_exist_once(server, cloud)


def leave_attempts(cloud, count):
    """As if most of their attempts were used up: each costs a process."""
    execute(cloud.webhost.database(), [("UPDATE jobs SET max_attempts = ?", (count,))])


def test_a_job_that_dies_with_its_process_each_time_is_given_up_and_can_be_retried(cloud):
    for attempt in range(3):
        stop = cloud.gate.stop("POST", "/v1/apps", after=True)
        server = cloud.serve()
        if attempt == 0:
            sign_up(server, "large", LARGE)
        stop.wait()
        leave_attempts(cloud, 3)
        server.kill()
        cloud.gate.open()

    server = cloud.serve()
    status = wait_for(server, "large", "failed")
    assert "stopped answering" in status["deployment"]["error"]
    (job,) = everything(server.get, "jobs", state="discarded")
    assert len(server.get(f"/api/jobs/{job['id']}").body["errors"]) == 3

    assert server.post(f"/api/jobs/{job['id']}/retry").status == 200
    wait_until(lambda: status_of(server, "large")["deployment"]["status"] != "failed", "failed")
    wait_active(server, "large")
    assert_cloud_is_as_recorded(server, cloud)


def test_a_host_whose_job_dies_each_time_has_failed_and_its_customers_take_another(cloud):
    for attempt in range(3):
        stop = cloud.gate.stop("GET", SERVERS, after=True)
        server = cloud.serve()
        if attempt == 0:
            sign_up(server, "small", SMALL)
        stop.wait()
        leave_attempts(cloud, 3)
        server.kill()
        cloud.gate.open()

    server = cloud.serve()
    wait_active(server, "small")
    (failed,) = everything(server.get, "hosts", status="failed")
    (active,) = everything(server.get, "hosts", status="active")
    assert "stopped answering" in failed["error"]
    assert (failed["slots_used"], active["slots_used"]) == (0, 1)
    assert [s["name"] for s in cloud.state()["servers"]] == [active["name"]]


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
    wait_until(lambda: job_states(server) == ["completed"], "the job has not ended")
    (job,) = [
        job
        for job in everything(server.get, "jobs")
        if job["worker"] in ("HetznerHostWorker", "FlyioProvisioningWorker")
    ]
    assert job["attempt"] == 2
    (error,) = server.get(f"/api/jobs/{job['id']}").body["errors"]
    assert error["error"]


def test_the_replies_about_a_volume_and_its_machine_are_lost(cloud):
    cloud.fault("POST", "/v1/apps/", {"drop_reply_after_effect": True}, count=2)
    server = cloud.serve(gate=False)
    sign_up(server, "large", LARGE)
    wait_active(server, "large")
    assert_cloud_is_as_recorded(server, cloud)
    assert cloud.state()["counts"]["machines"] == 3
