"""The tracker as operators see it: proposed, approved, moved by itself, and not moved: why."""

import http.server
import json
import threading

import pytest

from support.customers import LARGE, SMALL, sign_up, status_of, wait_active
from support.engine import execute
from support.webhost import wait_until


class Hook:
    """Receives notices."""

    def __init__(self):
        self.notices, self.status = [], 200
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.notices.append(json.loads(body))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook():
    receiver = Hook()
    yield receiver
    receiver.close()


def serve(webhost, hook=None, **tracker):
    path = webhost.folder / "webhost.yaml"
    settings = {"jobs": {"poll_ms": 50}, "moves": {"soak_hours": 0}, "tracker": tracker}
    if hook:
        target = {"name": "hook", "kind": "webhook", "url": hook.url}
        settings["notify"] = {"targets": [target]}
    path.write_text(json.dumps(settings))  # which is YAML too
    return webhost.serve("--sandbox", "--config", path)


def cli(webhost, server, *arguments, **options):
    env = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    return webhost.run(*arguments, env=env, **options)


def become(webhost, customer_id, **columns):
    """As if it had been measured."""
    names = ", ".join(f"{name} = ?" for name in columns)
    sql = f"UPDATE customer_facts SET {names} WHERE customer_id = ?"
    execute(webhost.database(), [(sql, (*columns.values(), customer_id))])


GROWN = {"vehicles": 50, "budget": 2000000}
SHRUNK = {"vehicles": 2, "budget": 300000}


def arrive(webhost, server, slug, profile=SMALL):
    customer_id = sign_up(server, slug, profile)["customer"]["id"]
    wait_active(server, slug)
    return customer_id


def tracker_of(server, slug):
    return server.get(f"/api/customers/{slug}/tracker").body


def sweep(webhost, server):
    return json.loads(cli(webhost, server, "sweep", "-o", "json").stdout)


def proposals(server, query=""):
    return server.get(f"/api/proposals{query}").body["proposals"]


def wait_mode(server, slug, mode):
    def moved():
        status = status_of(server, slug)
        assert status["migration_status"] not in ("failed", "cancelled")
        return status["deployment"]["mode"] == mode and status["migration_status"] == "completed"

    wait_until(moved, f"{slug} has not moved to {mode}")


def test_a_customer_that_grew_is_proposed_approved_and_moved(webhost, hook):
    server = serve(webhost, hook)
    customer_id = arrive(webhost, server, "grower")
    assert sweep(webhost, server)["outcomes"] == {"stays": 1}
    become(webhost, customer_id, **GROWN)
    assert sweep(webhost, server)["outcomes"] == {"waits_for_repeats": 1}
    shown = cli(webhost, server, "explain", "grower").stdout
    assert "single-tenant is recommended in sweep 1 of 2 in a row" in shown
    assert proposals(server) == []

    assert sweep(webhost, server)["due"] == 1
    wait_until(lambda: proposals(server, "?state=pending"), "no proposal has come")
    (proposal,) = proposals(server, "?customer=grower")
    assert (proposal["from_mode"], proposal["to_mode"]) == ("multi_tenant", "single_tenant")
    assert status_of(server, "grower")["migration_status"] == "none"
    wait_until(lambda: hook.notices, "nobody was told")
    assert hook.notices[0]["type"] == "proposal.created"
    assert hook.notices[0]["data"]["details"]["id"] == proposal["id"]
    assert sweep(webhost, server)["outcomes"] == {"proposed": 1}
    assert tracker_of(server, "grower")["proposal"]["id"] == proposal["id"]

    assert proposal["id"] in cli(webhost, server, "proposals", "--state", "pending").stdout
    done = cli(webhost, server, "proposals", "approve", proposal["id"]).stdout
    assert "is approved; the move has started" in done
    wait_mode(server, "grower", "single_tenant")
    cli(webhost, server, "proposals", "approve", proposal["id"], status=6)
    (answered,) = proposals(server, "?state=approved")
    assert answered["migration_id"] == status_of(server, "grower")["migration"]["id"]

    become(webhost, customer_id, **SHRUNK)  # and back: but it has just moved
    assert sweep(webhost, server)["outcomes"] == {"cooling_down": 1}
    assert sweep(webhost, server)["outcomes"] == {"cooling_down": 1}
    shown = tracker_of(server, "grower")["tracker"]
    assert "stays where it is for 7 days" in shown["why"]
    assert shown["recommended"] == "multi_tenant"


def test_a_customer_that_suffers_moves_by_itself(webhost):
    server = serve(webhost, repeats=1)
    customer_id = arrive(webhost, server, "sufferer")
    become(webhost, customer_id, response_us=450000, **GROWN)
    assert sweep(webhost, server)["due"] == 1
    wait_mode(server, "sufferer", "single_tenant")
    move = status_of(server, "sufferer")["migration"]
    assert move["requested_by"] == "job:MigrationEvaluationWorker"
    assert "responses take 450.0 ms" in move["reason"]
    assert proposals(server) == []


def test_a_rejected_move_is_not_proposed_again(webhost):
    server = serve(webhost, repeats=1)
    customer_id = arrive(webhost, server, "refused")
    become(webhost, customer_id, **GROWN)
    sweep(webhost, server)
    wait_until(lambda: proposals(server), "no proposal has come")
    (proposal,) = proposals(server)
    cli(webhost, server, "proposals", "reject", proposal["id"], "--comment", "after the audit")
    assert proposals(server)[0]["state"] == "rejected"
    assert proposals(server)[0]["comment"] == "after the audit"
    assert sweep(webhost, server)["outcomes"] == {"rejected": 1}
    assert len(proposals(server)) == 1
    assert status_of(server, "refused")["migration_status"] == "none"
    wait_until(lambda: "proposal.created" in server.err, "the log does not tell")


def test_a_dry_run_and_a_simulation_change_nothing(webhost):
    server = serve(webhost, repeats=1)
    small = arrive(webhost, server, "small")
    arrive(webhost, server, "large", LARGE)
    become(webhost, small, **GROWN)
    dry = json.loads(cli(webhost, server, "sweep", "--dry-run", "-o", "json").stdout)
    assert dry["due"] == 1
    assert server.get("/api/sweeps").body["sweeps"] == []
    assert tracker_of(server, "small")["tracker"]["outcome"] is None

    policy = webhost.folder / "ours.yaml"
    policy.write_text(
        "name: ours\nextends: plan-v1\nsummary: All share\nconstraints:\n"
        "  - {name: share, when: {budget: any}, mode: multi_tenant, because: It is cheap}\n"
    )
    arguments = ["simulate", "--policy", str(policy)]
    simulated = json.loads(cli(webhost, server, *arguments, "-o", "json").stdout)
    assert simulated["policy"]["name"] == "ours"
    assert simulated["totals"]["moves"] == {"multi_tenant": 1, "single_tenant": 0}
    (move,) = simulated["moves"]
    assert (move["slug"], move["to_mode"], move["required"]) == ("large", "multi_tenant", True)
    assert move["cost_then"] < move["cost_now"]
    assert "It is cheap" in move["reason"]
    assert "Would move to multi-tenant" in cli(webhost, server, *arguments).stdout
    policy.write_text("name: ours\nextends: plan-v1\nbase_score: 7\n")
    assert "line 3: base_score" in cli(webhost, server, *arguments, status=2).stderr
    assert server.get("/api/migrations").body["migrations"] == []
