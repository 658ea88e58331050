"""
Moves as an operator sees them: planned, watched, soaking, rolled back, approved by two people, and
going on after a kill -9 wherever it hits.
"""

import contextlib
import json
import urllib.error
import urllib.request

import pytest

from support.customers import SMALL, sign_up, status_of, wait_active
from support.leaving import fill, opened, place_of, rows_of
from support.webhost import DEADLINE, wait_until

STATES = [
    "requested",
    "provisioning",
    "preparing",
    "copying",
    "indexing",
    "catching_up",
    "verifying",
    "cutting_over",
    "soaking",
    "cleaning",
    "completed",
]
WISH = {"customer_id": "acme", "target_mode": "single_tenant"}
SOAK = {"soak_hours": 1}


def arrive(cloud, server):
    """Signs up, waits, fills; returns (customer id, rows)."""
    customer_id = sign_up(server, "acme", SMALL)["customer"]["id"]
    wait_active(server, "acme")
    path = place_of(cloud, server.get("/api/customers/acme").body)
    fill(path, customer_id, points=200)
    return customer_id, rows_of(path, customer_id)


def rows_now(cloud, server, customer_id):
    return rows_of(place_of(cloud, server.get("/api/customers/acme").body), customer_id)


def ask(server, **wish):
    answer = server.post("/api/admin/deployment/migrate", {**WISH, **wish})
    assert answer.status == 202, answer.text
    return answer.body


def start(server):
    return ask(server)["migration_id"]


def move(server, migration_id):
    return server.get(f"/api/migrations/{migration_id}").body


def wait_state(server, migration_id, *states):
    def reached():
        now = move(server, migration_id)
        ended = now["phase"] == "over" and now["state"] not in states
        assert not ended, f"it is {now['state']}: {now['error']}"
        return now if now["state"] in states else None

    return wait_until(reached, f"the move is not {states}")


def wait_proven(server, migration_id):
    wait_state(server, migration_id, "soaking")
    return wait_until(
        lambda: (m := move(server, migration_id))["proof_state"] == "equal" and m,
        "the move is not proven",
    )


def verb(server, migration_id, name):
    return server.post(f"/api/migrations/{migration_id}/{name}")


@contextlib.contextmanager
def stream(server, path, last=None):
    """The events as (id, name, data), while they come."""
    headers = {"Authorization": f"Bearer {server.token}"}
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    request = urllib.request.Request(server.url + path, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=DEADLINE) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield events_of(answer)


def events_of(answer):
    fields = {}
    for line in answer:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if line == b"\n" and "data" in fields:
            yield fields.get("id"), fields.get("event"), json.loads(fields["data"])
        if line == b"\n":
            fields = {}
        elif name:
            fields[name] = value


# -- the way ---------------------------------------------------------------------------------------


def test_a_move_is_planned_watched_to_its_soak_and_finished(cloud):
    server = cloud.serve(moves=SOAK)
    customer_id, rows = arrive(cloud, server)
    plan = server.post("/api/admin/deployment/plan", WISH).body
    assert plan["possible"] and plan["obstacles"] == [] and plan["refusal"] is None
    assert {t["name"] for t in plan["tables"]} >= {"vehicles", "gps_points"}
    dry = server.post("/api/admin/deployment/migrate", {**WISH, "dry_run": True})
    assert (dry.status, dry.body["plan_hash"]) == (200, plan["plan_hash"])
    assert server.get("/api/migrations").body["migrations"] == []

    migration_id = start(server)
    seen = []
    with stream(server, f"/api/migrations/{migration_id}/events") as events:
        for number, name, data in events:
            assert name == "migration" and int(number) == data["version"]
            seen.append(data)
            if data["state"] == "soaking" and data["proof_state"] == "equal":
                assert verb(server, migration_id, "finish").status == 202
    # The stream has ended by itself, with the move.
    assert seen[-1]["state"] == "completed" and seen[-1]["phase"] == "over"
    versions = [data["version"] for data in seen]
    assert versions == sorted(set(versions))
    assert [STATES.index(data["state"]) for data in seen] == sorted(
        STATES.index(data["state"]) for data in seen
    )
    done = move(server, migration_id)
    assert (done["customer_slug"], done["customer_name"]) == ("acme", "Acme")
    listed = server.get("/api/migrations").body["migrations"]
    assert [m["customer_slug"] for m in listed] == ["acme"]
    assert [step["step"] for step in done["steps"]] == STATES
    assert all(step["finished_at"] for step in done["steps"])
    assert done["stall_us"] >= 0 and done["proof"]["tables"]["gps_points"]["rows"] == 600
    assert status_of(server, "acme")["deployment"]["mode"] == "single_tenant"
    assert rows_now(cloud, server, customer_id) == rows
    with stream(server, f"/api/migrations/{migration_id}/events", last=done["version"]) as events:
        assert list(events) == []  # it has that already, and nothing more will come


def test_what_was_written_during_the_soak_comes_back_with_a_roll_back(cloud):
    server = cloud.serve(moves=SOAK)
    customer_id, rows = arrive(cloud, server)
    migration_id = start(server)
    wait_proven(server, migration_id)
    assert verb(server, migration_id, "cancel").status == 409
    path = place_of(cloud, server.get("/api/customers/acme").body)
    with opened(path) as database, database:
        database.execute("UPDATE vehicles SET name = 'renamed' WHERE id = 'v00001'")
        database.execute("DELETE FROM gps_points WHERE id = 'v00000-00007'")
    written = rows_of(path, customer_id)
    assert written != rows
    assert verb(server, migration_id, "roll-back").status == 202
    back = wait_state(server, migration_id, "returned")
    assert back["return_stall_us"] >= 0
    assert status_of(server, "acme")["deployment"]["mode"] == "multi_tenant"
    assert rows_now(cloud, server, customer_id) == written
    again = verb(server, migration_id, "retry")
    assert again.status == 202 and again.body["retry_of"] == migration_id
    assert verb(server, migration_id, "retry").body["id"] == again.body["id"]


@pytest.mark.parametrize(
    "at", ["provisioning", "copying", "verifying", "soaking", "cleaning", "returning"]
)
def test_a_move_whose_daemon_is_killed_goes_on_and_loses_nothing(cloud, at):
    server = cloud.serve(moves=SOAK)
    customer_id, rows = arrive(cloud, server)
    migration_id = start(server)
    steered = at in ("cleaning", "returning")
    if steered:
        wait_proven(server, migration_id)
        verb(server, migration_id, "finish" if at == "cleaning" else "roll-back")
    else:
        with stream(server, f"/api/migrations/{migration_id}/events") as events:
            next(e for e in events if STATES.index(e[2]["state"]) >= STATES.index(at))
    server.kill()

    server = cloud.serve(moves=SOAK)
    if at == "returning":
        wait_state(server, migration_id, "returned")
    else:
        if not steered:
            wait_proven(server, migration_id)
            assert rows_now(cloud, server, customer_id) == rows
            assert verb(server, migration_id, "finish").status == 202
        wait_state(server, migration_id, "completed")
    assert rows_now(cloud, server, customer_id) == rows
    mode = "multi_tenant" if at == "returning" else "single_tenant"
    assert status_of(server, "acme")["deployment"]["mode"] == mode


# -- two people ------------------------------------------------------------------------------------


def test_a_move_that_takes_two_people_starts_with_the_second_one(cloud):
    server = cloud.serve(moves={"second_person": True})
    arrive(cloud, server)
    token = server.post("/api/tokens", {"name": "second", "role": "admin"}).body["token"]
    asked = ask(server, reason="it pays for it")
    assert asked["status"] == "pending_approval" and asked["migration_id"] is None
    path = f"/api/proposals/{asked['proposal_id']}"
    proposal = server.get(path).body
    assert (proposal["kind"], proposal["reason"]) == ("requested", "it pays for it")
    assert "requester_token" not in proposal
    refused = server.post(f"{path}/approve")
    assert refused.status == 403 and "somebody else has to approve it" in refused.text
    assert server.get("/api/migrations").body["migrations"] == []
    approved = server.post(f"{path}/approve", token=token)
    assert approved.status == 202, approved.text
    done = wait_state(server, approved.body["migration_id"], "completed")
    assert done["proposal_id"] == asked["proposal_id"]
    assert server.post(f"{path}/approve", token=token).status == 409


# -- everything ------------------------------------------------------------------------------------


def test_what_changes_is_told_to_whoever_watches(cloud):
    server = cloud.serve(moves=SOAK)
    arrive(cloud, server)
    with stream(server, "/api/events") as events:
        first = {}
        while len(first) < 3:
            _, name, data = next(events)
            first[name] = data
        assert first["migrations"] == {"migrations": []}
        assert first["proposals"] == {"pending": 0}
        assert "migration" in {queue["queue"] for queue in first["jobs"]["queues"]}
        migration_id = start(server)
        told = next(e for e in events if e[1] == "migrations" and e[2]["migrations"])
        assert told[2]["migrations"][0]["id"] == migration_id
        server.stop()  # and with the server the stream ends, in order
        assert all(name for _, name, _ in events)


def test_only_who_may_read_may_watch(cloud):
    server = cloud.serve()
    assert server.get("/api/events", token=None).status == 401
    assert server.get("/api/migrations/nothing/events").status == 404
