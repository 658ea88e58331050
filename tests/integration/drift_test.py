"""Clouds that somebody changed: what `webhost reconcile` and `webhost drift` say, and what goes."""

import json

import pytest

from support.cloud import everything
from support.customers import LARGE, SMALL, sign_up, wait_active
from support.webhost import request, wait_until

# As short as they may be.
SOON = {"reconcile_settle_ms": 1000, "reconcile_grace_ms": 1000}


class Console:
    """A server that provisions in `cloud`, commands against it, and somebody else at the clouds."""

    def __init__(self, cloud):
        self.cloud = cloud
        url = cloud.process.url
        managed = {"postgres": "managed", "uiex_endpoint": url,
                   "managed_database_url": cloud.tenant_url("fly", "managed")}  # fmt: skip
        self.server = cloud.serve(fly=managed, provisioning=SOON, slots_per_host=5)
        self._env = {"WEBHOST_SERVER": self.server.url, "WEBHOST_TOKEN": self.server.token}

    def run(self, *arguments):
        return self.cloud.webhost.run(*arguments, env=self._env).stdout

    def look(self):
        """{(kind, thing): drift} as it is now; one of each in these tests."""
        found = json.loads(self.run("reconcile", "--dry-run", "-o", "json"))["drift"]
        by_what = {(d["kind"], d["thing"]): d for d in found}
        assert len(by_what) == len(found), found
        return by_what

    def finds(self, *wanted):
        """Waits until just these differ; what was made a moment ago is not judged yet."""
        return wait_until(lambda: (now := self.look()).keys() == set(wanted) and now,
                          f"not {wanted} differ")  # fmt: skip

    def reconcile(self):
        """One run of the job, to its end."""
        job = json.loads(self.run("reconcile", "-o", "json"))["job_id"]
        wait_until(lambda: self.server.get(f"/api/jobs/{job}").body["state"] == "completed",
                   f"job {job} has not completed")  # fmt: skip

    def ask(self, method, path, body=None):
        answer = request(method, self.cloud.process.url + path, body, token="somebody-else")
        assert answer.status < 300, answer.text
        return answer.body

    def wait_action(self, server, action, body=None):
        asked = self.ask("POST", f"/v1/servers/{server}/actions/{action}", body or {})["action"]
        path = f"/v1/actions/{asked['id']}"
        wait_until(lambda: self.ask("GET", path)["action"]["status"] == "success",
                   f"{action} of {server} does not end")  # fmt: skip


@pytest.fixture
def console(cloud):
    """With one small and one large customer, and nothing that differs."""
    console = Console(cloud)
    sign_up(console.server, "small", SMALL)
    sign_up(console.server, "large", LARGE)
    wait_active(console.server, "small", "large")
    assert console.look() == {}
    return console


def volume_of(state, app):
    return next(v["id"] for v in state["volumes"] if v["app"] == app)


def test_what_somebody_changed_is_told_with_what_to_do(console):
    state = console.cloud.state()
    (server,), (app,) = state["servers"], state["apps"]
    machine = next(m for m in state["machines"] if m["app"] == app["name"])
    console.wait_action(server["id"], "poweroff")
    console.wait_action(server["id"], "change_type",
                        {"server_type": "cpx41", "upgrade_disk": False})  # fmt: skip
    config = console.ask("GET", f"/v1/apps/{app['name']}/machines/{machine['id']}")["config"]
    config["guest"]["memory_mb"] *= 2
    console.ask("POST", f"/v1/apps/{app['name']}/machines/{machine['id']}", {"config": config})
    volume = volume_of(state, app["name"])
    console.ask("PUT", f"/v1/apps/{app['name']}/volumes/{volume}/extend", {"size_gb": 77})
    found = console.finds(("changed", "server"), ("changed", "machine"), ("changed", "volume"))
    assert found["changed", "server"]["expected"].endswith(", state running")
    assert found["changed", "server"]["found"] == "size cpx41, state off"
    assert found["changed", "volume"]["found"] == "size 77 GB"
    assert found["changed", "machine"]["found"].startswith("size ")
    console.reconcile()
    told = console.run("drift")
    assert f"webhost hosts drain {server['name']}" in told
    assert f"webhost instances scale {app['name']}" in told
    assert told.count("\n      -> ") == 3 and told.count("changed  ") == 3


def test_addresses_and_clusters_that_are_gone_are_missing_and_not_made_again(console):
    state = console.cloud.state()
    (app,), (cluster,) = state["apps"], state["postgres"]
    addresses = f"/v1/apps/{app['name']}/ip_assignments"
    address = console.ask("GET", addresses)["ips"][0]["ip"]
    console.ask("DELETE", f"{addresses}/{address}")
    console.ask("DELETE", f"/api/v1/organizations/personal/postgresv2/{cluster['id']}")
    found = console.finds(("missing", "ip_address"), ("missing", "postgres_cluster"))
    assert found["missing", "ip_address"]["provider_id"] == address
    assert cluster["id"] in found["missing", "postgres_cluster"]["summary"]
    console.reconcile()
    assert console.run("drift", "--kind", "missing").count("Fly does not hold") == 2
    assert console.cloud.state()["postgres"] == []


def test_only_what_carries_our_label_and_has_no_owner_past_the_grace_goes(console):
    (ours,) = console.cloud.state()["servers"]
    kept = {"theirs": {**ours["labels"], "webhost-install": "another"}, "somebodys": {}}
    lost = {**ours["labels"], "webhost-host": "no-such-host"}
    for name, labels in {"lost": lost, **kept}.items():
        console.ask("POST", "/v1/servers", {"name": name, "server_type": "cpx31",
                    "image": "debian-12", "location": "ash", "labels": labels})  # fmt: skip
    console.ask("POST", "/v1/postgres", {"org_slug": "personal", "name": "wh-unknown-db",
                                         "region": "iad", "plan": "basic"})  # fmt: skip
    found = console.finds(("orphan", "server"), ("foreign", "postgres_cluster"))
    assert found["orphan", "server"]["name"] == "lost" and found["orphan", "server"]["cleanable"]

    def is_gone():
        console.reconcile()
        return "lost" not in [s["name"] for s in console.cloud.state()["servers"]]

    wait_until(is_gone, "the orphan stays")
    assert {s["name"] for s in console.cloud.state()["servers"]} == {ours["name"], *kept}
    assert "wh-unknown-db" in [c["name"] for c in console.cloud.state()["postgres"]]
    cleaned = [a for a in everything(console.server.get, "audit") if a["action"] == "drift.cleaned"]
    assert [a["details"]["name"] for a in cleaned] == ["lost"]
