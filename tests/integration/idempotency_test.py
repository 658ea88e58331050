"""Idempotency-Key: a request that is sent twice is done once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.cloud import everything
from support.customers import signup_body, wait_active
from support.webhost import WebHost


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    programs = WebHost(tmp_path_factory.mktemp("webhost"))
    yield programs.serve("--sandbox")
    programs.close()


def sign_up(server, slug, key, token=None, **changes):
    return server.post(
        "/api/signup",
        {**signup_body(slug), **changes},
        headers={"Idempotency-Key": key},
        token=token or server.token,
    )


def was_replayed(answer):
    return answer.headers.get("Idempotency-Replayed") == "true"


def slugs(server):
    return [customer["slug"] for customer in everything(server.get, "customers")]


def test_the_same_key_and_body_give_the_same_reply_and_one_customer(server):
    first = sign_up(server, "once", "key-once")
    second = sign_up(server, "once", "key-once")
    assert (first.status, was_replayed(first)) == (201, False)
    assert (second.status, was_replayed(second)) == (201, True)
    assert second.body == first.body
    assert slugs(server).count("once") == 1
    jobs = everything(server.get, "jobs", customer="once")
    assert [job["id"] for job in jobs] == [first.body["job"]["id"]]


def test_the_reply_stays_the_same_after_the_customer_has_changed(server):
    first = sign_up(server, "changed", "key-changed")
    wait_active(server, "changed")
    assert sign_up(server, "changed", "key-changed").body == first.body


def test_the_same_key_with_another_body_is_422(server):
    assert sign_up(server, "body-one", "key-body").status == 201
    answer = sign_up(server, "body-two", "key-body")
    assert (answer.status, "Idempotency-Key" in answer.body["detail"]) == (422, True)
    answer = sign_up(server, "body-one", "key-body", name="Another Name")
    assert answer.status == 422
    assert "body-two" not in slugs(server)


def test_the_same_key_for_another_path_is_422(server):
    headers = {"Idempotency-Key": "key-path"}
    body = {"name": "ci", "role": "viewer"}
    assert server.post("/api/tokens", body, headers=headers).status == 201
    job = sign_up(server, "path", "x").body["job"]["id"]
    answer = server.post(f"/api/jobs/{job}/retry", body, headers=headers)
    assert answer.status == 422


def test_two_requests_at_once_with_one_key_make_one_customer(server):
    with ThreadPoolExecutor(max_workers=8) as pool:
        for attempt in range(5):
            slug = f"at-once-{attempt}"
            answers = list(pool.map(lambda _, s=slug: sign_up(server, s, f"key-{s}"), range(8)))
            done = [answer for answer in answers if answer.status == 201]
            assert {answer.status for answer in answers} <= {201, 409}
            assert len([answer for answer in done if not was_replayed(answer)]) == 1
            assert len({answer.body["customer"]["id"] for answer in done}) == 1
            assert slugs(server).count(slug) == 1


def test_a_failed_request_does_not_use_the_key_up(server):
    assert sign_up(server, "burnt", "key-burnt", email="nobody").status == 422
    assert server.post(
        "/api/signup", b"{", headers={"Idempotency-Key": "key-burnt"}
    ).status == 400  # fmt: skip
    answer = sign_up(server, "burnt", "key-burnt")
    assert (answer.status, was_replayed(answer)) == (201, False)


def test_a_conflict_does_not_use_the_key_up(server):
    assert sign_up(server, "taken", "key-taken-1").status == 201
    assert sign_up(server, "taken", "key-taken-2").status == 409
    assert sign_up(server, "free", "key-taken-2").status == 201


def test_another_tokens_same_key_is_another_key(server):
    other = server.post("/api/tokens", {"name": "other", "role": "admin"}).body["token"]
    first = sign_up(server, "mine", "key-shared")
    second = sign_up(server, "theirs", "key-shared", token=other)
    assert (first.status, second.status) == (201, 201)
    assert not was_replayed(second)


def test_without_a_key_the_second_is_a_conflict(server):
    assert server.post("/api/signup", signup_body("no-key")).status == 201
    assert server.post("/api/signup", signup_body("no-key")).status == 409


def test_a_token_made_under_a_key_is_not_made_twice(server):
    headers = {"Idempotency-Key": "key-token"}
    before = len(everything(server.get, "tokens"))
    for _ in range(2):
        answer = server.post("/api/tokens", {"name": "t", "role": "viewer"}, headers=headers)
        assert answer.status in (201, 409)
    assert len(everything(server.get, "tokens")) == before + 1


def test_a_key_survives_a_kill(cloud):
    server = cloud.serve()
    first = sign_up(server, "lasting", "key-lasting")
    server.kill()
    server = cloud.serve()
    again = sign_up(server, "lasting", "key-lasting")
    assert (again.status, was_replayed(again)) == (201, True)
    assert again.body == first.body
    assert slugs(server) == ["lasting"]
