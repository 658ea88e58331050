"""Jobs through the API: filters, pages, what failed and why, and what a person does about it."""

import pytest

from support.cloud import everything
from support.customers import (
    LARGE,
    SMALL,
    assert_cloud_is_as_recorded,
    job_states,
    sign_up,
    signup_body,
    status_of,
    wait_active,
    wait_for,
)
from support.webhost import wait_until

BROKEN = {"status": 500, "body": {"error": {"code": "server_error", "message": "the rack burns"}}}
FLY_BROKEN = {"status": 500, "body": {"error": "the rack burns"}}


def hosts_job(server):
    return only_job(server, worker="HetznerHostWorker")


def only_job(server, **filters):
    (job,) = everything(server.get, "jobs", **filters)
    return server.get(f"/api/jobs/{job['id']}").body


ATTEMPTS = 20


def test_a_cloud_that_always_fails_costs_all_attempts_then_the_signup_is_failed(cloud):
    cloud.fault("POST", "/v1/apps", FLY_BROKEN)
    server = cloud.serve(gate=False)
    environment = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    waiting = cloud.webhost.start(
        "signup", "--name", "Large", "--slug", "large", "--email", "a@b.example",
        "--plan", "hobby", "--budget", "200", "--vehicles", "50", "--compliance", "soc2",
        "--wait", "--timeout", "60s",
        env=environment,
    )  # fmt: skip
    wait_until(lambda: server.get("/api/customers/large").status == 200, "nobody signed up")

    def given_up():
        server.post("/api/jobs/retry", {"state": "retryable"})  # the backoffs take minutes
        return status_of(server, "large")["deployment"]["status"] == "failed"

    wait_until(given_up, "it is still tried")
    deployment = status_of(server, "large")["deployment"]
    assert "Fly" in deployment["error"] and "the rack burns" in deployment["error"]
    job = only_job(server, customer="large")
    assert (job["state"], job["attempt"], job["max_attempts"]) == ("discarded", ATTEMPTS, ATTEMPTS)
    assert [error["attempt"] for error in job["errors"]] == list(range(1, ATTEMPTS + 1))
    assert all("the rack burns" in error["error"] for error in job["errors"])
    assert job["last_error"] == job["errors"][-1]["error"]

    waiting.wait_for_end(8)
    assert "the rack burns" in waiting.err

    # The fault is gone: the same job, by hand, brings the customer up.
    cloud.clear_faults()
    assert server.post(f"/api/jobs/{job['id']}/retry").status == 200
    wait_until(lambda: status_of(server, "large")["deployment"]["status"] != "failed", "failed")
    (status,) = wait_active(server, "large")
    assert status["deployment"]["error"] is None
    wait_until(lambda: only_job(server, customer="large")["state"] == "completed", "not completed")
    assert_cloud_is_as_recorded(server, cloud)


def test_a_second_failure_replaces_the_reason(cloud):
    cloud.fault("POST", "/v1/apps", {"status": 422, "body": {"error": "first"}})
    server = cloud.serve(gate=False)
    sign_up(server, "large", LARGE)
    assert "first" in wait_for(server, "large", "failed")["deployment"]["error"]
    cloud.clear_faults()
    cloud.fault("POST", "/v1/apps", {"status": 422, "body": {"error": "second"}})
    assert server.post(f"/api/jobs/{only_job(server, customer='large')['id']}/retry").status == 200
    wait_until(
        lambda: "second" in (status_of(server, "large")["deployment"]["error"] or ""),
        "the second reason does not show",
    )


@pytest.mark.parametrize(
    ("method", "path", "effect"),
    [
        pytest.param("GET", "/v1/servers", BROKEN, id="server-error"),
        pytest.param("POST", "/v1/servers", {"status": 502, "body": "<html>"}, id="not-an-object"),
    ],
)
def test_a_fault_that_passes_costs_one_attempt(cloud, method, path, effect):
    cloud.fault(method, path, effect, count=1)
    server = cloud.serve(gate=False)
    sign_up(server, "small", SMALL)
    wait_active(server, "small")
    wait_until(lambda: hosts_job(server)["state"] == "completed", "not completed")
    job = hosts_job(server)
    assert (job["attempt"], len(job["errors"])) == (2, 1)
    assert_cloud_is_as_recorded(server, cloud)


@pytest.mark.parametrize(
    "effect",
    [
        pytest.param({"status": 429}, id="rate-limited"),
        pytest.param({"status": 423, "body": {"error": {"code": "locked"}}}, id="locked"),
    ],
)
def test_a_cloud_that_asks_to_wait_costs_no_attempt(cloud, effect):
    cloud.fault("GET", "/v1/servers", effect, count=3)
    server = cloud.serve(gate=False)
    sign_up(server, "small", SMALL)
    wait_active(server, "small")
    wait_until(lambda: hosts_job(server)["state"] == "completed", "not completed")
    job = hosts_job(server)
    assert (job["attempt"], job["errors"]) == (1, [])


def test_a_cloud_that_does_not_answer_in_time_is_asked_again(cloud):
    cloud.fault("POST", "/v1/apps", {"latency_ms": 1500}, count=1)
    server = cloud.serve(gate=False, call_timeout_ms=500)
    sign_up(server, "large", LARGE)
    wait_active(server, "large")
    assert_cloud_is_as_recorded(server, cloud)


def test_a_cancelled_job_stays_where_it_is_until_it_is_retried(cloud):
    cloud.fault("POST", "/v1/apps", FLY_BROKEN)
    server = cloud.serve(gate=False)
    job_id = sign_up(server, "large", LARGE)["job"]["id"]
    wait_until(
        lambda: only_job(server, customer="large")["state"] == "retryable", "no first attempt"
    )
    answer = server.post(f"/api/jobs/{job_id}/cancel")
    assert (answer.status, answer.body["state"]) == (200, "cancelled")
    assert server.post(f"/api/jobs/{job_id}/cancel").status == 409
    cloud.clear_faults()
    assert [job["id"] for job in everything(server.get, "jobs", state="cancelled")] == [job_id]
    assert cloud.state()["counts"]["apps"] == 0
    deployment = status_of(server, "large")["deployment"]
    assert deployment["status"] == "failed" and "cancelled" in deployment["error"]

    assert server.post(f"/api/jobs/{job_id}/retry").status == 200
    wait_active(server, "large")
    wait_until(lambda: only_job(server, customer="large")["state"] == "completed", "not completed")
    answer = server.post(f"/api/jobs/{job_id}/retry")
    assert (answer.status, "completed" in answer.body["detail"]) == (409, True)
    assert server.post(f"/api/jobs/{job_id}/cancel").status == 409
    actions = [entry["action"] for entry in everything(server.get, "audit")]
    assert actions.count("job.cancelled") == 1 and actions.count("job.retried") == 1


def test_lists_filter_and_pages_show_each_job_exactly_once(cloud):
    server = cloud.serve(gate=False)
    slugs = [f"customer-{i:02}" for i in range(55)]
    for slug in slugs:
        assert server.post("/api/signup", signup_body(slug)).status == 201
    sign_up(server, "large", LARGE)
    assert len(everything(server.get, "jobs", customer="large")) == 1
    ours = "worker=HetznerProvisioningWorker"  # hosts and the house have jobs of their own

    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        answer = server.get(f"/api/jobs?{ours}" + (f"&cursor={cursor}" if cursor else ""))
        assert len(answer.body["jobs"]) <= 50
        seen += [job["id"] for job in answer.body["jobs"]]
        cursor, pages = answer.body["next_cursor"], pages + 1
        if pages == 1:
            sign_up(server, "meanwhile")  # newer than the page: the pages must not shift
    assert pages == 2
    assert len(seen) == len(set(seen)) == len(slugs)
    assert seen == sorted(seen, reverse=True)

    for limit in (1, 7, 56):
        walked = []
        cursor = None
        while True:
            query = f"?{ours}&limit={limit}" + (f"&cursor={cursor}" if cursor else "")
            body = server.get("/api/jobs" + query).body
            walked += [job["id"] for job in body["jobs"]]
            cursor = body["next_cursor"]
            if not cursor:
                break
        assert walked[1:] == seen

    (job,) = everything(server.get, "jobs", customer="large")
    assert job["worker"] == "FlyioProvisioningWorker"
    assert everything(server.get, "jobs", queue="migration") == []
    everyone = {"meanwhile", "large", *slugs}
    wait_until(lambda: job_states(server).count("completed") == len(everyone), "not done")
    assert everything(server.get, "jobs", state="discarded") == []
    assert everything(server.get, "jobs", state="completed", customer="large")[0]["id"] == job["id"]
