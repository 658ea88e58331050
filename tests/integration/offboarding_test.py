"""
Leaving: killed, cancelled, refused; and exports that equal the data. removal_test.py kills while
the cloud is asked.
"""

import sqlite3
import stat

import pytest

from support.customers import LARGE, SMALL, sign_up, wait_active
from support.engine import execute
from support.fleet import fleet, postgres  # noqa: F401
from support.leaving import (
    fetch,
    fill,
    fill_statements,
    offboard,
    offboarding_of,
    opened,
    place_of,
    read_export,
    rows_of,
    wait_offboarding,
)
from support.webhost import wait_until


def arrive(cloud, server, slug, profile):
    """Signs up, waits, fills; returns (customer id, file, rows)."""
    customer_id = sign_up(server, slug, profile)["customer"]["id"]
    wait_active(server, slug)
    path = place_of(cloud, server.get(f"/api/customers/{slug}").body)
    fill(path, customer_id)
    return customer_id, path, rows_of(path, customer_id)


def assert_gone(cloud, server, *customer_ids):
    """Nothing in the clouds, no slot taken, no tenant's rows on the hosts."""
    counts = cloud.state()["counts"]
    assert [counts[kind] for kind in ("apps", "machines", "volumes")] == [0, 0, 0]
    for host in server.get("/api/hosts").body["hosts"]:
        assert host["slots_used"] == 0
        assert cloud.tenants("hetzner", host["name"]) == []
    for customer_id in customer_ids:
        customer = server.get(f"/api/customers/{customer_id}").body
        assert customer["status"] == "cancelled"
        assert customer["deployment"]["status"] == "retired"
        assert all(r["status"] == "deleted" for r in customer["deployment"]["resources"])


# -- exports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [SMALL, LARGE], ids=["small", "large"])
def test_an_export_equals_the_data_row_by_row_and_a_neighbours_are_not_in_it(cloud, profile):
    server = cloud.serve()
    other = sign_up(server, "neighbour", profile)["customer"]["id"]
    wait_active(server, "neighbour")
    fill(place_of(cloud, server.get("/api/customers/neighbour").body), other)
    customer_id, _, rows = arrive(cloud, server, "acme", profile)
    out = cloud.webhost.folder / "acme.tar.gz"
    env = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    cloud.webhost.run("customers", "export", "acme", "-O", out, env=env)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    manifest, tables = read_export(out.read_bytes())
    assert tables == rows
    assert manifest["customer"] == {"id": customer_id, "slug": "acme", "name": "Acme"}
    assert server.get("/api/customers/acme").body["status"] == "active"
    assert server.get("/api/customers/neighbour/export").status == 404


def test_a_large_export_is_whole(cloud):
    server = cloud.serve()
    customer_id = sign_up(server, "acme", LARGE)["customer"]["id"]
    wait_active(server, "acme")
    path = place_of(cloud, server.get("/api/customers/acme").body)
    fill(path, customer_id, vehicles=30, points=700)
    offboard(server, "acme", retention_days=0)
    wait_offboarding(server, customer_id, "done")
    _, tables = read_export(fetch(server, customer_id))
    rows = fill_statements(customer_id, 30, 700)
    assert len(tables["gps_points"]) == 21000
    expected = sorted(v for _, v in rows if len(v) == 7)
    assert [tuple(row.values()) for row in tables["gps_points"]] == expected


@pytest.mark.parametrize("profile", [SMALL, LARGE], ids=["small", "large"])
def test_with_postgresql_the_export_made_on_leaving_equals_the_data(fleet, profile):  # noqa: F811
    server = fleet.serve("one")
    customer_id = sign_up(server, "acme", profile)["customer"]["id"]
    wait_active(server, "acme")
    statements = fill_statements(customer_id, 3, 50)
    fleet.tenants_run(statements)
    offboard(server, "acme", retention_days=0)
    wait_offboarding(server, customer_id, "done")
    _, tables = read_export(fetch(server, customer_id))
    for table, width in (("vehicles", 4), ("gps_points", 7)):
        expected = sorted(values for _, values in statements if len(values) == width)
        assert [tuple(row.values()) for row in tables[table]] == expected
    assert fleet.tenants() == []


def test_another_node_names_the_one_that_has_the_export(fleet):  # noqa: F811
    first = fleet.serve("one")
    customer_id = sign_up(first, "acme", SMALL)["customer"]["id"]
    wait_active(first, "acme")
    offboard(first, "acme", retention_days=0)
    wait_offboarding(first, customer_id, "done")
    second = fleet.serve("two")
    refused = second.get(f"/api/customers/{customer_id}/export")
    assert refused.status == 409 and "made it; ask there" in refused.body["detail"]


# -- leaving ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("profile", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("until", ["exporting", "deleting"])
def test_a_kill_while_the_tenants_database_is_busy_leaves_nothing_behind(cloud, profile, until):
    server = cloud.serve()
    customer_id, path, rows = arrive(cloud, server, "acme", profile)
    if until == "deleting":
        offboard(server, "acme", retention_days=1)
        wait_offboarding(server, customer_id, "retaining")
    with opened(path) as database:
        database.isolation_level = None
        database.execute("BEGIN IMMEDIATE")  # nobody else can write: the job waits here
        if until == "deleting":
            make_due(cloud)
            server.kill()
            server = cloud.serve()
            wake_offboarding(cloud)
        else:
            offboard(server, "acme", retention_days=0)
        wait_offboarding(server, customer_id, until)
        server.kill()
        database.execute("ROLLBACK")
    server = cloud.serve()
    wait_offboarding(server, customer_id, "done")
    assert_gone(cloud, server, customer_id)
    _, tables = read_export(fetch(server, customer_id))
    assert tables == rows


def make_due(cloud):
    """The retention is over now."""
    execute(cloud.webhost.database(), [("UPDATE offboardings SET retain_until = 0", ())])


def wake_offboarding(cloud):
    """What the sweep does every five minutes."""
    sql = "UPDATE jobs SET state = 'available' WHERE worker = 'OffboardingWorker'"
    execute(cloud.webhost.database(), [(sql, ())])


def test_a_kill_at_any_moment_ends_in_done(cloud):
    """Twice in a row, wherever it is: right after the request, and during what follows."""
    server = cloud.serve()
    ids = [arrive(cloud, server, slug, of)[0] for slug, of in (("a", SMALL), ("b", LARGE))]
    for slug in ("a", "b"):
        offboard(server, slug, retention_days=0)
    for _ in range(2):
        server.kill()
        server = cloud.serve()
    for customer_id in ids:
        wait_offboarding(server, customer_id, "done")
    assert_gone(cloud, server, *ids)


@pytest.mark.parametrize("profile", [SMALL, LARGE], ids=["small", "large"])
def test_a_cancelled_offboarding_opens_the_fence_and_changes_nothing(cloud, profile):
    server = cloud.serve()
    customer_id, path, rows = arrive(cloud, server, "acme", profile)
    offboard(server, "acme", reason="price", comment="too dear", retention_days=30)
    wait_offboarding(server, customer_id, "retaining")
    with opened(path) as database, pytest.raises(sqlite3.Error, match="read-only"):
        database.execute("DELETE FROM gps_points")
    assert server.post("/api/customers/acme/offboard", {}).status == 409
    assert server.post("/api/admin/deployment/migrate",
                       {"customer_id": "acme", "target_mode": "single_tenant"}).status == 409
    assert server.post("/api/customers/acme/offboard/cancel").status == 202
    wait_offboarding(server, customer_id, "cancelled")
    assert server.get("/api/customers/acme").body["status"] == "active"
    assert rows_of(path, customer_id) == rows
    with opened(path) as database, database:
        database.execute("DELETE FROM gps_points WHERE customer_id = ?", (customer_id,))


def test_a_customer_who_was_offboarded_and_kept_can_still_move(cloud):
    server = cloud.serve()
    customer_id, *_ = arrive(cloud, server, "acme", SMALL)
    offboard(server, "acme", retention_days=30)
    wait_offboarding(server, customer_id, "retaining")
    server.post("/api/customers/acme/offboard/cancel")
    wait_offboarding(server, customer_id, "cancelled")
    wish = {"customer_id": "acme", "target_mode": "single_tenant"}
    assert server.post("/api/admin/deployment/migrate", wish).status == 202
    wait_until(
        lambda: server.get("/api/migrations").body["migrations"][0]["state"] == "completed",
        "the move has not ended",
    )
    offboard(server, "acme", retention_days=0)
    wait_offboarding(server, customer_id, "done")
    assert_gone(cloud, server, customer_id)


def test_the_slug_is_free_again_and_the_old_customer_keeps_its_history(cloud):
    server = cloud.serve()
    old, *_ = arrive(cloud, server, "acme", SMALL)
    offboard(server, "acme", retention_days=1)
    taken = server.post("/api/signup", {"name": "B", "slug": "acme", "email": "b@b.example",
                                        "plan_slug": "hobby"})  # fmt: skip
    assert taken.status == 409
    wait_offboarding(server, old, "retaining")
    make_due(cloud)
    wake_offboarding(cloud)
    wait_offboarding(server, old, "done")
    new, *_ = arrive(cloud, server, "acme", SMALL)
    assert new != old and server.get("/api/customers/acme").body["id"] == new
    assert len(server.get(f"/api/customers/{old}/decisions").body["decisions"]) == 1
    found = server.get(f"/api/admin/deployment/status/{old}").body
    assert found["offboarding"]["slug"] == "acme" and found["customer"]["status"] == "cancelled"
    actions = [e["action"] for e in server.get("/api/audit?limit=200").body["audit"]]
    for state in ("requested", "exporting", "exported", "retaining", "deleting", "done"):
        assert f"offboarding.{state}" in actions


def test_the_command_line_asks_first_and_shows_where_it_stands(cloud):
    server = cloud.serve()
    customer_id, *_ = arrive(cloud, server, "acme", SMALL)
    env = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    asked = cloud.webhost.run("customers", "offboard", "acme", status=2, env=env)
    assert "--yes" in asked.stderr
    wrong = cloud.webhost.run(
        "customers", "offboard", "acme", "--yes", "--reason", "boredom", status=2, env=env)
    assert "--reason must be price" in wrong.stderr
    half = cloud.webhost.run(
        "customers", "offboard", "acme", "--yes", "--retention", "36h", status=2, env=env)
    assert "whole days" in half.stderr
    done = cloud.webhost.run(
        "customers", "offboard", "acme", "--yes", "--retention", "30d", "--reason", "price",
        "-o", "json", env=env,
    )  # fmt: skip
    assert '"retention_days": 30' in done.stdout
    wait_offboarding(server, customer_id, "retaining")
    assert "Leaving" in cloud.webhost.run("status", "acme", env=env).stdout
    cloud.webhost.run("customers", "offboard", "acme", "--cancel", env=env)
    wait_offboarding(server, customer_id, "cancelled")


def test_a_viewer_can_neither_offboard_nor_export(cloud):
    server = cloud.serve()
    arrive(cloud, server, "acme", SMALL)
    viewer = server.post("/api/tokens", {"name": "v", "role": "viewer"}).body["token"]
    for method, path in [("POST", "offboard"), ("POST", "offboard/cancel"), ("POST", "export"),
                         ("GET", "export")]:  # fmt: skip
        body = {} if path == "offboard" else None
        answer = server.request(method, f"/api/customers/acme/{path}", body, token=viewer)
        assert answer.status == 403


def test_unfinished_exports_leave_no_file(cloud):
    server = cloud.serve()
    customer_id, path, _ = arrive(cloud, server, "acme", SMALL)
    offboard(server, "acme", retention_days=0)
    wait_offboarding(server, customer_id, "done")
    files = sorted(p.name for p in (cloud.webhost.folder / "data/exports").iterdir())
    assert files == [f"{customer_id}.tar.gz"]
    assert rows_of(path, customer_id)["gps_points"] == []
