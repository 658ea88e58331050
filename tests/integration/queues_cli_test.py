"""Queues and many retries at once, as an operator types them."""

import json

import pytest

from support.cloud import everything
from support.customers import SMALL, sign_up, signup_body, wait_active
from support.webhost import wait_until


@pytest.fixture
def demo(webhost):
    """A server with the demo's customers, and a function that runs a command against it."""
    server = webhost.serve("--demo")
    environment = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}

    def run(*arguments, status=0):
        return webhost.run(*arguments, status=status, env=environment)

    return server, run


def queue(run, name):
    listed = json.loads(run("queues", "list", "-o", "json").stdout)
    queues = listed["queues"] if isinstance(listed, dict) else listed
    (found,) = (q for q in queues if q["name"] == name)
    return found


def test_the_list_shows_every_queue(demo):
    _, run = demo
    shown = run("queues", "list").stdout
    assert "provisioning" in shown and "migration" in shown
    assert queue(run, "provisioning")["paused"] is False


def test_a_paused_queue_shows_as_paused_and_runs_nothing_until_it_is_resumed(demo):
    server, run = demo
    assert "paused" in run("queues", "pause", "provisioning").stdout
    assert queue(run, "provisioning")["paused"] is True
    sign_up(server, "waits", SMALL)
    wait_until(lambda: queue(run, "provisioning")["available"] >= 1, "nothing waits")
    assert "resumed" in run("queues", "resume", "provisioning").stdout
    wait_active(server, "waits")
    assert queue(run, "provisioning")["paused"] is False
    actions = [entry["action"] for entry in everything(server.get, "audit")]
    assert actions.count("queue.paused") == actions.count("queue.resumed") == 1


def test_a_limit_is_set_and_taken_back(demo):
    _, run = demo
    configured = queue(run, "provisioning")["node_limit"]
    run("queues", "scale", "provisioning", "--limit", str(configured + 3))
    assert queue(run, "provisioning")["node_limit"] == configured + 3
    run("queues", "scale", "provisioning", "--default")
    assert queue(run, "provisioning")["node_limit"] == configured


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "many"])
def test_a_limit_out_of_bounds_changes_nothing(demo, limit):
    _, run = demo
    before = queue(run, "provisioning")["node_limit"]
    assert run("queues", "scale", "provisioning", "--limit", limit, status=2).stderr
    assert queue(run, "provisioning")["node_limit"] == before


def test_a_queue_that_is_not_there_is_named(demo):
    _, run = demo
    assert "nowhere" in run("queues", "pause", "nowhere", status=3).stderr


def test_jobs_of_one_state_are_retried_all_at_once(demo):
    server, run = demo
    run("queues", "pause", "provisioning")
    jobs = [server.post("/api/signup", signup_body(f"later-{i}", SMALL)) for i in range(5)]
    for answer in jobs:
        run("jobs", "cancel", str(answer.body["job"]["id"]))
    assert len(everything(server.get, "jobs", state="cancelled")) == 5
    shown = run("jobs", "retry", "--state", "cancelled", "--queue", "provisioning").stdout
    assert "5" in shown
    assert everything(server.get, "jobs", state="cancelled") == []
    run("queues", "resume", "provisioning")
    wait_active(server, *[f"later-{i}" for i in range(5)])
    run("jobs", "retry", "--state", "cancelled")  # none left is no mistake


def test_a_retry_names_a_job_or_a_state_and_not_both(demo):
    _, run = demo
    assert run("jobs", "retry", status=2).stderr
    assert run("jobs", "retry", "1", "--state", "cancelled", status=2).stderr
    assert run("jobs", "retry", "--state", "completed", status=2).stderr
