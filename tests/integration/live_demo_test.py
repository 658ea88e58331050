"""A customer moves between databases of the sandbox's PostgreSQL while it writes."""

import re

import pytest

from support.customers import SMALL, sign_up, wait_active
from support.local import Local
from support.webhost import wait_until

STATES = ["preparing", "copying", "cutting_over"]
ENDS = [("returning", "roll-back", "returned"), ("cleaning", "finish", "completed")]
POINTS = 5000


@pytest.fixture
def local():
    here = Local()
    yield here
    here.close()


def arrive(local, server):
    sign_up(server, "acme", SMALL)
    wait_active(server, "acme")
    wait_until(
        lambda: "tenant_acme" in local.aliases(), "PgBouncer's file has no line for the customer"
    )
    local.through(
        "acme",
        "INSERT INTO vehicles SELECT customer_id, 'v1', 'one', 0 FROM tenants;"
        "INSERT INTO gps_points SELECT customer_id, 'p' || n, 'v1', n, 0, 0, 0"
        f" FROM tenants, generate_series(1, {POINTS}) n",
    )


def start(server):
    body = {"customer_id": "acme", "target_mode": "single_tenant"}
    answer = server.post("/api/admin/deployment/migrate", body)
    assert answer.status == 202, answer.text
    return answer.body["migration_id"]


def wait_move(server, migration_id, reached):
    def look():
        move = server.get(f"/api/migrations/{migration_id}").body
        assert move["phase"] != "over" or reached(move), f"{move['state']}: {move['error']}"
        return move if reached(move) else None

    return wait_until(look, "the move does not get there")


def has_begun(move, state):
    return state in {step["step"] for step in move["steps"]}


def is_proven(move):
    return move["state"] == "soaking" and move["proof_state"] == "equal"


def run(local, server, *arguments, status=0):
    environment = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    return local.programs.run(*arguments, env=environment, status=status).stdout


def points(local):
    return int(local.through("acme", "SELECT count(*) FROM gps_points"))


def mode_now(server):
    return server.get("/api/routes/acme").body["mode"]


def test_a_customer_that_writes_moves_comes_back_and_moves_again_without_an_error(local):
    server = local.serve("--sandbox")
    arrive(local, server)
    plan = run(local, server, "migrate", "acme", "--to", "single_tenant", "--dry-run")
    assert "gps_points" in plan and "Possible; it would start at once" in plan
    with local.writing("acme") as writer:
        said = run(local, server, "migrate", "acme", "--to", "single_tenant", "--watch")
        assert "Proof: both sides were equal at the cut" in said
        first = server.get("/api/migrations").body["migrations"][0]["id"]
        assert mode_now(server) == "single_tenant"
        assert f"Move {first} of acme" in run(local, server, "migrations", "show", first)
        listed = run(local, server, "migrations").splitlines()[1].split()
        assert listed[:2] == [first, "acme"]
        run(local, server, "migrations", "rollback", first)
        wait_move(server, first, lambda move: move["state"] == "returned")
        assert mode_now(server) == "multi_tenant"
        run(local, server, "migrations", "watch", first, status=8)
        second = start(server)
        wait_move(server, second, is_proven)
        assert local.left_of_moves() > 0
        run(local, server, "migrations", "finish", second)
        wait_move(server, second, lambda move: move["state"] == "completed")
    assert writer.complaints == ""
    assert writer.sent > 0 and points(local) == POINTS + writer.sent
    assert local.left_of_moves() == 0


def killed_at(local, server, migration_id, state):
    """The daemon that comes after it, behind which the customer can write at once."""
    wait_move(server, migration_id, lambda move: has_begun(move, state))
    server.kill()
    server = local.serve("--sandbox")
    local.through("acme", f"UPDATE vehicles SET name = '{state}'")
    return server


@pytest.mark.parametrize("at", STATES)
def test_a_move_whose_daemon_is_killed_ends_and_the_customer_can_write(local, at):
    server = local.serve("--sandbox")
    arrive(local, server)
    migration_id = start(server)
    server = killed_at(local, server, migration_id, at)
    wait_move(server, migration_id, is_proven)
    assert points(local) == POINTS
    assert server.post(f"/api/migrations/{migration_id}/finish").status == 202
    wait_move(server, migration_id, lambda move: move["state"] == "completed")
    assert local.through("acme", "SELECT name FROM vehicles") == at
    assert points(local) == POINTS
    assert local.left_of_moves() == 0


def test_a_move_whose_daemon_is_killed_in_its_soak_and_its_ways_out_ends_as_asked(local):
    server = local.serve("--sandbox")
    arrive(local, server)
    for at, verb, end in ENDS:
        migration_id = start(server)
        server = killed_at(local, server, migration_id, "soaking")
        wait_move(server, migration_id, is_proven)
        assert server.post(f"/api/migrations/{migration_id}/{verb}").status == 202
        server = killed_at(local, server, migration_id, at)
        wait_move(server, migration_id, lambda move: move["state"] == end)
        assert points(local) == POINTS
        assert local.left_of_moves() == 0
    assert mode_now(server) == "single_tenant"


def test_the_demonstrations_customers_write_while_one_moves_and_none_of_it_fails(local):
    server = local.serve("--demo")
    slug = "harbour-taxis"
    made = "SELECT count(*) FROM gps_points WHERE id LIKE 'live-%' AND customer_id = (SELECT"
    made += f" customer_id FROM tenants WHERE slug = '{slug}')"

    def writes_on():
        before = int(local.through(slug, made))
        wait_until(lambda: int(local.through(slug, made)) > before, "the customer does not write")
        return before

    wait_active(server, slug)
    wait_until(lambda: f"tenant_{slug}" in local.aliases(), "the customer has no alias")
    writes_on()
    run(local, server, "migrate", slug, "--to", "single_tenant", "--watch")
    assert server.get(f"/api/routes/{slug}").body["mode"] == "single_tenant"
    assert writes_on() > 0
    server.stop()
    told = re.findall(r"info  demo load writes=(\d+) errors=(\d+) slowest_ms=\d+", server.err)
    assert told, server.err
    writes, errors = map(int, told[-1])
    assert writes > 0 and errors == 0, server.err
