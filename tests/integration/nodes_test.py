"""Several nodes on one PostgreSQL: they share the work, and die, freeze and lose the database."""

import signal
import threading
import time

import pytest

from support.customers import (
    SMALL,
    assert_cloud_is_as_recorded,
    sign_up,
    signup_body,
    wait_active,
)
from support.fleet import LEASE_MS, fleet, postgres  # noqa: F401
from support.webhost import DEADLINE, wait_until

# Where nobody dies: no node may seem dead because the machine is busy.
LONG_LEASE_MS = 30000
CREATE_SERVER = ("POST", r"/v1/servers$")


def names(count, prefix="customer"):
    return [f"{prefix}-{i:03}" for i in range(count)]


def sign_all_up(nodes, slugs):
    """Each node gets its share, all at once. What is refused for now is tried again."""
    problems = []

    def sign_up_share(node, share):
        for slug in share:
            end = time.monotonic() + DEADLINE
            while True:
                try:
                    answer = node.post("/api/signup", signup_body(slug, SMALL))
                except OSError:
                    answer = None
                # 409: an earlier request whose answer was lost did happen.
                if answer and answer.status in (201, 409):
                    break
                if answer and answer.status < 500 and answer.status != 429:
                    problems.append(f"{slug}: {answer.text}")
                    return
                if time.monotonic() > end:
                    problems.append(f"{slug}: {answer.text if answer else 'no answer'}")
                    return
                time.sleep(0.1)

    threads = [
        threading.Thread(target=sign_up_share, args=(node, slugs[i :: len(nodes)]))
        for i, node in enumerate(nodes)
    ]
    for thread in threads:
        thread.start()
    return threads, problems


def finish(threads, problems):
    for thread in threads:
        thread.join()
    assert problems == []


# How the jobs that a customer waited for ended.
ENDS = "SELECT attempt, node, finished_at FROM jobs WHERE queue = 'provisioning' ORDER BY id"


def count(fleet, where):
    return int(fleet.query(f"SELECT count(*) FROM jobs WHERE {where}")[0])


def assert_every_effect_once(fleet, node, slugs):
    """All customers are active, each by one job, and the clouds hold what the database says."""
    wait_until(lambda: set(fleet.jobs()) == {"completed"}, "a job has not ended")
    assert fleet.tenants() == sorted(slugs)
    assert len(fleet.jobs()) == len(slugs)
    assert fleet.query("SELECT DISTINCT status FROM deployments") == ["active"]
    (used,) = fleet.query("SELECT sum(slots_used) FROM hosts")
    assert int(used) == len(slugs)
    assert_cloud_is_as_recorded(node, fleet.cloud)


def wait_for_rescue(fleet, job_id, held, record_property):
    """Waits until node `held` has no more the job; records how many lease periods that took."""
    began = time.monotonic()
    wait_until(
        lambda: not count(fleet, f"id = {job_id} AND state = 'executing' AND node = {held}"),
        "nobody has rescued the job",
    )
    periods = (time.monotonic() - began) * 1000 / LEASE_MS
    record_property("lease periods until the rescue", round(periods, 1))


def hold_a_job(fleet, node):
    """A signup whose job has made its server and waits for the reply; (stop, job, node number)."""
    stop = fleet.cloud.gate.stop(*CREATE_SERVER, after=True)
    sign_up(node, "held", SMALL)
    stop.wait()
    ((job, number),) = (
        row.split("|") for row in fleet.query("SELECT id, node FROM jobs WHERE state = 'executing'")
    )
    return job, number


@pytest.mark.parametrize("size", [2, 5])
def test_nodes_share_a_hundred_signups_and_each_takes_effect_once(fleet, size):  # noqa: F811
    nodes = [fleet.serve(f"node{i}", lease_ms=LONG_LEASE_MS) for i in range(size)]
    slugs = names(100)
    finish(*sign_all_up(nodes, slugs))
    assert_every_effect_once(fleet, nodes[0], slugs)
    assert len(fleet.nodes()) > 1
    assert fleet.cloud.state()["counts"]["servers"] == 3
    assert fleet.query("SELECT DISTINCT error FROM job_errors") == []


def test_a_node_killed_at_work_is_replaced(fleet, record_property):  # noqa: F811
    first = fleet.serve("first")
    job, number = hold_a_job(fleet, first)
    second = fleet.serve("second")
    threads, problems = sign_all_up([second], names(20))
    first.kill()
    wait_for_rescue(fleet, job, number, record_property)
    fleet.cloud.gate.open()
    finish(threads, problems)
    assert_every_effect_once(fleet, second, ["held", *names(20)])
    errors = fleet.query(f"SELECT error FROM job_errors WHERE job_id = {job}")
    assert errors == [f"node {number} stopped answering"]
    assert fleet.query(f"SELECT attempt FROM jobs WHERE id = {job}") == ["2"]
    assert fleet.query(f"SELECT count(*) FROM nodes WHERE id = {number}") == ["0"]


def test_a_node_frozen_past_its_lease_ends_nothing_twice(fleet, record_property):  # noqa: F811
    first = fleet.serve("first")
    job, number = hold_a_job(fleet, first)
    second = fleet.serve("second")
    first.popen.send_signal(signal.SIGSTOP)
    try:
        wait_for_rescue(fleet, job, number, record_property)
        wait_active(second, "held")
        wait_until(lambda: fleet.jobs() == ["completed"], "the job has not ended")
        before = fleet.query(ENDS)
    finally:
        first.popen.send_signal(signal.SIGCONT)
    fleet.cloud.gate.open()
    wait_until(lambda: "given up for dead" in first.err, "the first has not noticed")
    queue = {"queues": []}

    def fenced():
        queue.update(first.get("/api/queues").body)
        return sum(q["this_node"]["fenced"] for q in queue["queues"])

    wait_until(fenced, "the late end was not refused")
    assert fleet.query(ENDS) == before
    second.stop()
    slugs = names(5, "later")
    finish(*sign_all_up([first], slugs))
    assert_every_effect_once(fleet, first, ["held", *slugs])
    assert number not in fleet.query("SELECT DISTINCT node FROM jobs WHERE id > " + job)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_nodes_outlive_a_restart_of_postgresql(fleet, postgres, mode):  # noqa: F811
    nodes = [fleet.serve("first"), fleet.serve("second")]
    slugs = names(40)
    threads, problems = sign_all_up(nodes, slugs)
    wait_until(lambda: count(fleet, "state = 'completed'") >= 5, "nothing is done")
    postgres.restart(mode)
    finish(threads, problems)
    assert_every_effect_once(fleet, nodes[1], slugs)


def test_cut_connections_lose_nothing(fleet, postgres):  # noqa: F811
    nodes = [fleet.serve("first"), fleet.serve("second")]
    slugs = names(40)
    threads, problems = sign_all_up(nodes, slugs)
    for done in (1, 10, 20):
        wait_until(lambda least=done: count(fleet, "state = 'completed'") >= least, "not done")
        postgres.cut_connections()
    finish(threads, problems)
    assert_every_effect_once(fleet, nodes[0], slugs)


def test_sigterm_drains_and_the_other_goes_on(fleet):  # noqa: F811
    nodes = [fleet.serve(name, lease_ms=LONG_LEASE_MS) for name in ("first", "second")]
    slugs = names(40)
    finish(*sign_all_up(nodes, slugs))
    nodes[0].stop()
    wait_until(lambda: len(fleet.query("SELECT id FROM nodes")) == 1, "it is still on the list")
    assert_every_effect_once(fleet, nodes[1], slugs)
    # Nothing had to be rescued: it ended what it ran and put back the rest.
    assert fleet.query("SELECT error FROM job_errors") == []
    assert fleet.query("SELECT DISTINCT error FROM job_errors") == []


def test_a_queue_paused_on_one_node_is_paused_on_all(fleet):  # noqa: F811
    nodes = [fleet.serve("first"), fleet.serve("second")]
    assert nodes[0].post("/api/queues/provisioning/pause").status == 200
    for node in nodes:
        (paused,) = (
            q["paused"] for q in node.get("/api/queues").body["queues"]
            if q["name"] == "provisioning"
        )  # fmt: skip
        assert paused
    time.sleep(1)  # both look at every poll, which is 50 ms
    slugs = names(10)
    finish(*sign_all_up(nodes, slugs))
    quiet = time.monotonic() + 1
    while time.monotonic() < quiet:
        assert set(fleet.jobs()) == {"available"}
        time.sleep(0.1)
    assert nodes[1].post("/api/queues/provisioning/resume").status == 200
    assert_every_effect_once(fleet, nodes[0], slugs)
