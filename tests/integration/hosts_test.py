"""Hosts from the command line: ordered, drained with customers on them, and given up."""

import json

import pytest

from support.cloud import everything
from support.customers import SMALL, sign_up, wait_active
from support.engine import execute, rows
from support.leaving import TABLES, fill_statements
from support.webhost import wait_until

CUSTOMERS = ["acme", "birch", "cedar"]


@pytest.fixture(name="console")
def commands_against_a_server(cloud):
    """serve(...) starts a server; returns it and a function that runs `webhost` against it."""

    def serve(**settings):
        server = cloud.serve(**settings)
        env = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}

        def run(*arguments, status=0):
            return cloud.webhost.run(*arguments, status=status, env=env)

        return server, run

    return serve


def host(server, name):
    answer = server.get(f"/api/hosts/{name}")
    assert answer.status == 200, answer.text
    return answer.body


def wait_status(server, name, status):
    wait_until(lambda: host(server, name)["status"] == status, f"host {name} is not {status}")


def host_of(server, slug):
    return server.get(f"/api/customers/{slug}").body["deployment"]["host"]["name"]


def servers(cloud):
    return sorted(server["name"] for server in cloud.state()["servers"])


def data_of(cloud, name, customer_id):
    """{table: rows} of one tenant in the host's database."""
    url = cloud.tenant_url("hetzner", name)
    return {
        table: rows(url, f"SELECT {', '.join(columns)} FROM {table}"
                         f" WHERE customer_id = '{customer_id}' ORDER BY 2, 1")
        for table, columns in TABLES.items()
    }  # fmt: skip


def arrive(cloud, server):
    """Customers with data, all on one host; returns it and {slug: (id, rows)}."""
    ids = {slug: sign_up(server, slug, SMALL)["customer"]["id"] for slug in CUSTOMERS}
    wait_active(server, *CUSTOMERS)
    (name,) = {host_of(server, slug) for slug in CUSTOMERS}
    for customer_id in ids.values():
        execute(cloud.tenant_url("hetzner", name), fill_statements(customer_id, 2, 20))
    return name, {slug: (id_, data_of(cloud, name, id_)) for slug, id_ in ids.items()}


def verdicts(run, *options):
    """{host: (whether it goes, why)}"""
    plan = json.loads(run("hosts", "reap", *options, "-o", "json").stdout)
    return {v["name"]: (v["remove"], v["reason"]) for v in plan["hosts"]}


def audited(server, action):
    return [entry for entry in everything(server.get, "audit") if entry["action"] == action]


def test_a_host_is_ordered_by_command_and_runs(cloud, console):
    server, run = console(hosts_max=2)
    assert "is ordered" in run("hosts", "add", "fsn1").stdout
    (ordered,) = everything(server.get, "hosts")
    wait_status(server, ordered["name"], "active")
    (real,) = cloud.state()["servers"]
    assert real["name"] == ordered["name"]
    shown = run("hosts", "show", ordered["name"]).stdout
    assert "active" in shown and "fsn1" in shown
    assert "cpx99" in run("hosts", "add", "fsn1", "--type", "cpx99", status=2).stderr
    assert "no server type is set" in run("hosts", "add", "mars", status=2).stderr
    assert "is ordered" in run("hosts", "add", "fsn1").stdout
    assert "hosts_max" in run("hosts", "add", "fsn1", status=6).stderr
    wait_until(lambda: len(servers(cloud)) == 2, "the second server is not there")


def test_a_drained_host_is_left_by_everybody_and_then_given_up(cloud, console):
    server, run = console(slots_per_host=len(CUSTOMERS), empty_grace_ms=0, drain_moves=3)
    old, before = arrive(cloud, server)
    assert "is being drained" in run("hosts", "drain", old).stdout
    assert host(server, old)["status"] == "draining"
    wait_until(lambda: host(server, old)["slots_used"] == 0, "somebody is left on the host", 120)

    (new,) = {host_of(server, slug) for slug in CUSTOMERS}
    assert new != old
    for customer_id, data in before.values():
        assert data_of(cloud, new, customer_id) == data
        assert not any(data_of(cloud, old, customer_id).values())
    assert cloud.tenants("hetzner", old) == []
    assert [host(server, new)["slots_used"], host(server, old)["drain"]["left"]] == [3, 0]

    plan = verdicts(run, "--dry-run")
    assert plan[old][0] and plan[old][1].startswith("drained and empty")
    assert plan[new] == (False, "holds 3 customers")
    assert servers(cloud) == sorted([old, new])
    assert host(server, old)["status"] == "draining"

    assert verdicts(run)[old][0]
    wait_status(server, old, "retired")
    assert servers(cloud) == [new]
    assert old in run("hosts", "--status", "retired").stdout
    assert old not in run("hosts").stdout
    # The job looks again before the deletion, by itself.
    assert [entry["subject"] for entry in audited(server, "host.retiring")] == [
        host(server, old)["id"]
    ]


def test_a_host_that_became_empty_a_moment_ago_stays(cloud, console):
    server, run = console(slots_per_host=1)
    run("hosts", "add", "ash")
    (ordered,) = everything(server.get, "hosts")
    wait_status(server, ordered["name"], "active")
    remove, why = verdicts(run)[ordered["name"]]
    assert not remove and why.startswith("empty for") and why.endswith("of 60m")
    assert servers(cloud) == [ordered["name"]]


def test_a_plan_is_made_again_before_the_deletion(cloud, console):
    """Between plan and deletion the host is taken back, and is the reserve of its location."""
    server, run = console(slots_per_host=2, reserve_slots=2, empty_grace_ms=0)
    sign_up(server, "acme", SMALL)
    wait_active(server, "acme")

    def reserve():
        empty = [h for h in everything(server.get, "hosts") if h["slots_used"] == 0]
        return empty[0]["name"] if empty and empty[0]["status"] == "active" else None

    spare = wait_until(reserve, "no host is ordered for the reserve")
    run("queues", "pause", "provisioning")
    run("hosts", "drain", spare)
    assert verdicts(run)[spare][0]
    assert "takes customers again" in run("hosts", "undrain", spare).stdout
    run("queues", "resume", "provisioning")
    wait_until(lambda: audited(server, "host.kept"), "the job has not looked again")
    (kept,) = audited(server, "host.kept")
    assert "needed for the reserve of ash" in json.dumps(kept)
    assert host(server, spare)["status"] == "active"
    assert spare in servers(cloud)


def test_undraining_stops_the_moves_and_everybody_stays(cloud, console):
    """The host that the customers would move to cannot be had."""
    server, run = console(slots_per_host=len(CUSTOMERS), drain_moves=1)
    name, before = arrive(cloud, server)
    cloud.set(availability={"*": {"*": {"available": False, "recommended": False}}})
    run("hosts", "drain", name)
    wait_until(lambda: host(server, name)["drain"]["moving"] == 1, "no move has begun")
    assert "To move" in run("hosts", "show", name).stdout
    run("hosts", "undrain", name)
    wait_until(
        lambda: [m["state"] for m in everything(server.get, "migrations")] == ["cancelled"],
        "the move is not undone",
    )
    assert host(server, name)["status"] == "active"
    for customer_id, data in before.values():
        assert data_of(cloud, name, customer_id) == data
