"""Routes over HTTP and on the command line: polled by tag, followed by version, mapped, moved."""

import json

from support.customers import LARGE, SMALL, sign_up, wait_active
from support.webhost import wait_until


def run(webhost, server, *arguments):
    environment = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    return webhost.run(*arguments, env=environment).stdout


def test_a_route_is_polled_by_its_tag_and_changes_with_the_customers_move(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme", SMALL)
    assert server.get("/api/routes/acme").status == 404
    wait_active(server, "acme")
    first = server.get("/api/routes/acme")
    assert (first.status, first.body["version"], first.body["mode"]) == (200, 1, "multi_tenant")
    assert first.body["application"]
    assert "password" not in first.text
    tag = {"If-None-Match": first.headers["ETag"]}
    same = server.get("/api/routes/acme", headers=tag)
    assert (same.status, same.text, same.headers["ETag"]) == (304, "", first.headers["ETag"])
    body = {"customer_id": "acme", "target_mode": "single_tenant"}
    assert server.post("/api/admin/deployment/migrate", body).status == 202
    moved = wait_until(
        lambda: (r := server.get("/api/routes/acme", headers=tag)).status == 200 and r,
        "the route has not changed",
    )
    assert (moved.body["version"], moved.body["mode"]) == (2, "single_tenant")
    assert moved.body["application"].endswith(".fly.dev")
    assert moved.body["database"] != first.body["database"]


def test_a_cache_follows_by_version_and_haproxy_gets_a_map(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme", SMALL)
    sign_up(server, "bolt", LARGE)
    wait_active(server, "acme", "bolt")
    changes = server.get("/api/routes?since=0").body
    assert sorted(r["slug"] for r in changes["routes"]) == ["acme", "bolt"]
    assert changes["fleet_version"] == 2
    assert server.get("/api/routes?since=2").body["routes"] == []
    assert server.get("/api/routes?since=2&cursor=" + "0" * 8).status == 422
    listed = server.get("/api/routes?limit=1").body
    assert len(listed["routes"]) == 1 and listed["next_cursor"]
    reply = server.get("/api/routes?format=haproxy")
    lines = reply.text.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["acme", "bolt"]
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert sorted(run(webhost, server, "routes", "--haproxy").splitlines()) == lines
    shown = json.loads(run(webhost, server, "routes", "show", "bolt", "-o", "json"))
    assert f"bolt {shown['application']}" in lines
    assert "acme" in run(webhost, server, "routes")
