"""Tokens: what each may do, how one ends, and that its text is nowhere after the first reply."""

import os
import stat

from support.customers import sign_up, signup_body, wait_active

WRITES = [
    ("POST", "/api/signup", signup_body("not-by-a-viewer")),
    ("POST", "/api/admin/deployment/evaluate", {"customer_id": "acme"}),
    ("POST", "/api/tokens", {"name": "more", "role": "admin"}),
    ("GET", "/api/tokens", None),
]
READS = ["/api/customers", "/api/customers/acme", "/api/jobs", "/api/hosts", "/api/plans"]


def create(server, name, role):
    answer = server.post("/api/tokens", {"name": name, "role": role})
    assert answer.status == 201, answer.text
    return answer.body


def test_a_viewer_reads_and_may_not_write(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme")
    wait_active(server, "acme")
    viewer = create(server, "dashboard", "viewer")
    for path in READS:
        assert server.get(path, token=viewer["token"]).status == 200
    job = server.get("/api/jobs").body["jobs"][0]
    writes = [
        *WRITES,
        ("POST", f"/api/jobs/{job['id']}/retry", {}),
        ("POST", f"/api/jobs/{job['id']}/cancel", {}),
        ("DELETE", f"/api/tokens/{viewer['id']}", None),
    ]
    for method, path, body in writes:
        answer = server.request(method, path, body, token=viewer["token"])
        assert answer.status == 403, f"{method} {path}: {answer.text}"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "dashboard" in answer.body["detail"]
    assert [c["slug"] for c in server.get("/api/customers").body["customers"]] == ["acme"]


def test_a_revoked_token_is_refused_from_then_on_and_after_a_restart(webhost):
    server = webhost.serve("--sandbox")
    admin, viewer = create(server, "second", "admin"), create(server, "third", "viewer")
    for made in (admin, viewer):
        assert server.get("/api/customers", token=made["token"]).status == 200
        assert server.request("DELETE", f"/api/tokens/{made['id']}").status == 200
        assert server.get("/api/customers", token=made["token"]).status == 401
    server.stop()
    server = webhost.serve("--sandbox")
    for made in (admin, viewer):
        assert server.get("/api/customers", token=made["token"]).status == 401
    assert server.get("/api/customers").status == 200


def test_the_list_says_which_tokens_there_are(webhost):
    server = webhost.serve("--sandbox")
    made = create(server, "ci", "viewer")
    server.request("DELETE", f"/api/tokens/{made['id']}")
    tokens = {token["name"]: token for token in server.get("/api/tokens").body["tokens"]}
    assert set(tokens) == {"first", "ci"}
    assert (tokens["ci"]["role"], tokens["first"]["role"]) == ("viewer", "admin")
    assert tokens["ci"]["revoked_at"] and not tokens["first"]["revoked_at"]


def test_a_tokens_text_is_in_no_file_no_log_and_no_later_reply(webhost):
    server = webhost.serve("--sandbox", "--log-level", "debug")
    made = create(server, "secret", "admin")
    assert made["token"].startswith("wh_")
    sign_up(server, "acme", token=made["token"])
    wait_active(server, "acme")
    assert server.get("/nowhere", token=made["token"]).status == 404
    replies = [
        server.get(path).text
        for path in ("/api/tokens", "/api/audit", "/api/customers/acme", "/api/jobs")
    ]
    server.stop()
    texts = [made["token"], server.token]
    for text in texts:
        assert all(text not in reply for reply in replies)
        assert text not in server.err
        assert server.out.count(text) == (1 if text == server.token else 0)
    stored = list(webhost.stored())
    assert any(made["id"].encode() in content for _, content in stored)
    for name, content in stored:
        for text in texts:
            assert text.encode() not in content, f"a token is in {name}"
            assert text.removeprefix("wh_").encode() not in content, f"a token is in {name}"


def test_a_token_made_under_an_idempotency_key_is_not_stored_either(webhost):
    server = webhost.serve("--sandbox")
    headers = {"Idempotency-Key": "make-one"}
    made = server.post("/api/tokens", {"name": "kept", "role": "admin"}, headers=headers)
    assert made.status == 201
    again = server.post("/api/tokens", {"name": "kept", "role": "admin"}, headers=headers)
    assert (again.status, again.body) == (201, {**made.body, "token": None})
    server.stop()
    for name, content in webhost.stored():
        assert made.body["token"].encode() not in content, f"a token is in {name}"


def test_nobody_else_can_read_the_data_directory(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme")
    folder = webhost.folder / "data"
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
