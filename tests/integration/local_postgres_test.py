"""The sandbox's own PostgreSQL: a database for each host and app, which goes with the process."""

import os

import pytest

from support.customers import LARGE, SMALL, sign_up, wait_active
from support.leaving import offboard
from support.local import Local
from support.webhost import wait_until


@pytest.fixture
def local():
    here = Local()
    yield here
    here.close()


def machines(server):
    places = [server.get(f"/api/routes/{slug}").body for slug in ("acme", "bolt")]
    return {place["database"]["dbname"] for place in places}


def runs(pid):
    return os.path.exists(f"/proc/{pid}")


def pids(local):
    folder = local.folder / "data/postgres"
    first = [folder / "data/postmaster.pid", folder / "pgbouncer.pid"]
    return [path.read_text().split()[0] for path in first]


def test_each_host_and_app_is_a_database_that_clients_reach_by_the_customers_alias(local):
    server = local.serve("--sandbox")
    sign_up(server, "acme", SMALL)
    sign_up(server, "bolt", LARGE)
    wait_active(server, "acme", "bolt")
    assert machines(server) <= local.databases()
    for slug in ("acme", "bolt"):
        wait_until(
            lambda s=slug: f"tenant_{s}" in (local.folder / "data/postgres/routes/databases.ini")
            .read_text(),
            "PgBouncer's file has no line for the customer",
        )  # fmt: skip
        assert local.through(slug, "SELECT slug FROM tenants") == slug
    app = server.get("/api/routes/bolt").body["database"]["dbname"]
    offboard(server, "bolt", retention_days=0)
    wait_until(lambda: app not in local.databases(), "the app's database has outlived it")
    assert local.through("acme", "SELECT slug FROM tenants") == "acme"


def test_a_killed_daemons_databases_end_with_it_and_are_there_again_at_the_next_start(local):
    server = local.serve("--sandbox")
    sign_up(server, "acme", SMALL)
    sign_up(server, "bolt", LARGE)
    wait_active(server, "acme", "bolt")
    before, ports, old = machines(server), local.ports(), pids(local)
    local.through("acme", "INSERT INTO vehicles SELECT customer_id, 'v1', 'one', 0 FROM tenants")
    server.kill()
    wait_until(lambda: not any(runs(pid) for pid in old), "a program has outlived the daemon")

    server = local.serve("--sandbox")
    assert (local.ports(), machines(server)) == (ports, before)
    assert local.through("acme", "SELECT name FROM vehicles") == "one"
    server.stop()
    assert not list((local.folder / "data/postgres").glob("**/*.pid"))


def test_the_sandboxs_postgres_is_refused_without_the_sandbox(local):
    done = local.programs.run(
        "serve", "--postgres", *local.programs.storage(), "--listen", "127.0.0.1:0", status=2
    )
    assert "give it with --sandbox or --demo" in done.stderr
