"""Bad requests: each is refused with a problem that says what is wrong, and none leaves a trace."""

import http.client
import json
import socket

import pytest

from support.customers import job_states, sign_up, signup_body, wait_active
from support.engine import count_rows, rows
from support.webhost import DEADLINE, WebHost, wait_until

BIG = 10_000_000


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    programs = WebHost(tmp_path_factory.mktemp("webhost"))
    yield programs
    programs.close()


@pytest.fixture(scope="module")
def server(programs):
    """With one customer, and nothing left to do: only a request can change anything now."""
    server = programs.serve("--sandbox")
    sign_up(server, "there-already")
    wait_active(server, "there-already")
    wait_until(lambda: job_states(server) == ["completed"], "the job has not ended")
    return server


def rows_of_requests(database):
    """{table: rows}, without what the server does on its own: maintenance, calls to the clouds."""
    counts = count_rows(database)
    for table in ("provider_calls", "crons", "nodes", "leases", "jobs"):
        del counts[table]
    ((jobs,),) = rows(database, "SELECT count(*) FROM jobs WHERE queue <> 'maintenance'")
    # That a call was refused is recorded; anything else in the audit record is a deed.
    ((deeds,),) = rows(database, "SELECT count(*) FROM audit WHERE action <> 'api.refused'")
    return {**counts, "jobs": jobs, "audit": deeds}


@pytest.fixture(autouse=True)
def changes_nothing(programs, server):
    """Around each test: the rows of every table are as many as before, and the server lives."""
    database = programs.database()
    before = rows_of_requests(database)
    yield
    assert rows_of_requests(database) == before
    assert server.get("/readyz").status == 200


def assert_problem(answer, status, *words):
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["status"] == status
    assert answer.body["title"] and answer.body["detail"], answer.text
    for word in words:
        assert word in answer.text, f"{word!r} is not in {answer.text}"


def fields_of(answer):
    return {problem["field"]: problem["detail"] for problem in answer.body.get("errors", [])}


GOOD = json.dumps(signup_body("bad-json")).encode()

NOT_JSON = {
    "empty": b"",
    "blank": b" \n ",
    "truncated": GOOD[:-1],
    "truncated-in-a-text": GOOD[:20],
    "trailing-garbage": GOOD + b"x",
    "two-objects": GOOD + GOOD,
    "single-quotes": b"{'name': 'x'}",
    "trailing-comma": GOOD[:-1] + b",}",
    "comment": GOOD + b"// and more",
    "nul-byte": GOOD.replace(b"Bad-Json", b"Bad\0Json"),
    "nul-at-the-end": GOOD + b"\0",
    "control-character": GOOD.replace(b"Bad-Json", b"Bad\x01Json"),
    "invalid-utf-8": GOOD.replace(b"Bad-Json", b"Bad\xff\xfeJson"),
    "overlong-utf-8": GOOD.replace(b"Bad-Json", b"Bad\xc0\xafJson"),
    "utf-16-surrogate-alone": GOOD.replace(b"Bad-Json", b"Bad\\ud800Json"),
    "utf-16": GOOD.decode().encode("utf-16"),
    "nan": GOOD.replace(b"30", b"NaN"),
    "infinity": GOOD.replace(b"30", b"Infinity"),
    "deep-arrays": b"[" * 500_000,
    "deep-objects": b'{"a":' * 100_000,
    "form": b"name=Bad&slug=bad-json",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_a_json_object_is_400(server, body):
    assert_problem(server.post("/api/signup", body), 400)


@pytest.mark.parametrize("body", [b"[" + GOOD + b"]", b"[]", b"42", b"null", b"true", b'"signup"'])
def test_json_of_another_kind_than_an_object_is_422(server, body):
    assert_problem(server.post("/api/signup", body), 422, "object")


@pytest.mark.parametrize("number", [b"99999999999999999999", b"-9223372036854775809", b"1e999"])
def test_a_number_that_nothing_can_hold_is_400_and_says_where(server, number):
    answer = server.post("/api/signup", GOOD.replace(b"30", number))
    assert_problem(answer, 400, "line 1 column")


def test_an_escaped_nul_does_not_get_through(server):
    answer = server.post("/api/signup", GOOD.replace(b"Bad-Json", b"Bad\\u0000Json"))
    assert answer.status in (400, 422), answer.text
    assert_problem(answer, answer.status)


def test_a_duplicate_key_is_named(server):
    body = GOOD[:-1] + b', "slug": "another"}'
    answer = server.post("/api/signup", body)
    assert answer.status in (400, 422), answer.text
    assert_problem(answer, answer.status, "slug")


def test_the_lists_nesting_is_bounded_below_an_unknown_field_too(server):
    deep = b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert_problem(server.post("/api/signup", deep), 400)


@pytest.mark.parametrize(
    ("field", "suggestion"),
    [
        ("plan_slgu", "plan_slug"),
        ("slugg", "slug"),
        ("emial", "email"),
        ("compani_name", "company_name"),
        ("profile_override", "profile_overrides"),
    ],
)
def test_an_unknown_field_is_named_with_what_may_have_been_meant(server, field, suggestion):
    body = signup_body("unknown")
    body[field] = "x"
    answer = server.post("/api/signup", body)
    assert_problem(answer, 422)
    assert suggestion in fields_of(answer)[field]


def test_an_unknown_field_in_the_profile_is_named_with_its_path(server):
    answer = server.post("/api/signup", signup_body("unknown", {"vehicle_counts": 3}))
    assert_problem(answer, 422)
    assert "vehicle_count" in fields_of(answer)["profile_overrides.vehicle_counts"]


def test_every_missing_field_is_named_in_one_reply(server):
    answer = server.post("/api/signup", {})
    assert_problem(answer, 422)
    assert set(fields_of(answer)) == {"name", "slug", "email", "plan_slug"}


def test_every_wrong_field_is_named_in_one_reply(server):
    body = {
        "name": 1,
        "slug": "No Good",
        "email": "nobody",
        "plan_slug": "gold",
        "unknown": True,
        "profile_overrides": {"budget": -1, "vehicle_count": "many"},
    }
    answer = server.post("/api/signup", body)
    assert_problem(answer, 422)
    assert set(fields_of(answer)) >= {
        "name",
        "slug",
        "email",
        "plan_slug",
        "unknown",
        "profile_overrides.budget",
        "profile_overrides.vehicle_count",
    }


WRONG = [
    ("name", ["", 1, None, True, [], {}, "x" * 201, "a\nb", "a\u0007b"]),
    ("slug", ["", "Acme", "a b", "a_b", "ümlaut", "a/b", "a.b", "x" * 200, 7, None, "../etc"]),
    ("email", ["", "nobody", "@", "a@", "@b", "a b@c.example", "a@b@c", 1, "a" * 251 + "@b.c"]),
    ("billing_email", ["nobody", 1]),
    ("company_name", [1, [], "x" * 201]),
    ("plan_slug", ["", "gold", "HOBBY", 1, None, ["hobby"]]),
    ("profile_overrides", [1, "x", []]),
    (
        "profile_overrides.budget",
        [-1, -0.01, "30", True, 1e300, 30.12345, 1e-9, [30], 10**10],
    ),
    ("profile_overrides.vehicle_count", [-1, 1.5, "2", True, 2**63 - 1, 1e20, 10**10]),
    (
        "profile_overrides.compliance_requirements",
        ["soc2", [1], [""], [["soc2"]], {"soc2": True}, ["soc2"] * 1000, ["a b"]],
    ),
    ("profile_overrides.geographic_distribution", ["US", ["MARS"], [1], [""], ["us east"]]),
    ("profile_overrides.latency_requirement", [-5, "fast", [1]]),
    ("profile_overrides.peak_concurrent_users", [-5, 1.5, "many"]),
    ("profile_overrides.performance_needs", [1, "x", []]),
    ("profile_overrides.performance_needs.latency_requirement", [-5, "fast"]),
    ("profile_overrides.usage_patterns.peak_concurrent_users", [-5, "many"]),
]


def body_with(path, value):
    body = signup_body("wrong", {})
    *way, last = path.split(".")
    place = body
    for name in way:
        place = place.setdefault(name, {})
    place[last] = value
    return body


@pytest.mark.parametrize(("path", "values"), WRONG, ids=[path for path, _ in WRONG])
def test_a_wrong_value_is_422_and_names_its_field(server, path, values):
    for value in values:
        answer = server.post("/api/signup", body_with(path, value))
        assert answer.status == 422, f"{value!r}: {answer.text}"
        assert_problem(answer, 422)
        named = fields_of(answer)
        assert any(field.startswith(path) for field in named), f"{value!r}: {answer.text}"


def test_the_same_latency_in_two_places_must_agree(server):
    profile = {"latency_requirement": 40, "performance_needs": {"latency_requirement": 50}}
    answer = server.post("/api/signup", signup_body("two-places", profile))
    assert_problem(answer, 422, "latency_requirement")


def test_a_taken_slug_is_409(server):
    assert_problem(server.post("/api/signup", signup_body("there-already")), 409, "there-already")


# -- too large -------------------------------------------------------------------------------------


def send(server, pieces, headers):
    """Sends as much as the server takes and reads its reply, as curl does."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=DEADLINE)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = (
        f"POST /api/signup HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {server.token}\r\n{head}\r\n"
    )
    try:
        connection.sendall(request.encode())
        for piece in pieces:
            connection.sendall(piece)
    except OSError:
        pass  # it has read enough to refuse the rest
    reply = http.client.HTTPResponse(connection)
    reply.begin()
    return reply, json.loads(reply.read())


def chunked(text, size=65536):
    for at in range(0, len(text), size):
        piece = text[at : at + size]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"


LARGE_BODY = GOOD[:-1] + b', "company_name": "' + b"x" * BIG + b'"}'


def test_a_body_of_10_mb_with_its_length_is_413(server):
    reply, body = send(server, [LARGE_BODY], {"Content-Length": len(LARGE_BODY)})
    assert (reply.status, body["status"]) == (413, 413)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert body["detail"]


def test_a_body_of_10_mb_in_chunks_is_413(server):
    reply, body = send(server, chunked(LARGE_BODY), {"Transfer-Encoding": "chunked"})
    assert (reply.status, body["status"]) == (413, 413)
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_a_body_in_chunks_is_read_like_any_other(server):
    reply, body = send(server, chunked(b"{}", 1), {"Transfer-Encoding": "chunked"})
    assert (reply.status, len(body["errors"])) == (422, 4)


def test_a_length_that_is_a_lie_is_not_believed(server):
    reply, _ = send(server, [], {"Content-Length": 10**15})
    assert reply.status == 413


# -- who, where, how -------------------------------------------------------------------------------

PATHS = [
    "/api/customers",
    "/api/plans",
    "/api/jobs",
    "/api/hosts",
    "/api/instances",
    "/api/policies",
    "/api/audit",
    "/api/tokens",
    "/api/customers/there-already",
    "/api/admin/deployment/status/there-already",
]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_token_and_with_a_wrong_one_it_is_401(server, path):
    for token in (None, "wh_wrong", "wrong", "wh_" + "A" * 43, "x" * 4000):
        answer = server.get(path, token=token)
        assert_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for header in ("", "Bearer", "Bearer ", f"Basic {server.token}", server.token):
        assert_problem(server.get(path, token=None, headers={"Authorization": header}), 401)


def test_a_write_without_a_token_is_401_before_its_body_is_looked_at(server):
    assert_problem(server.post("/api/signup", b"{", token=None), 401)


def test_an_unknown_path_is_404(server):
    for path in ("/nope", "/ui", "/api", "/api/", "/api/customer", "/api/jobs/1/2/3", "/api//jobs"):
        assert_problem(server.get(path), 404)


@pytest.mark.parametrize(
    "path",
    [
        "/api/customers/nobody",
        "/api/customers/nobody/decisions",
        "/api/decisions/nothing",
        "/api/decisions/01a20999-0000-7000-8000-000000000000",
        "/api/jobs/nothing",
        "/api/policies/nothing",
        "/api/admin/deployment/status/nobody",
        "/api/customers/%00",
        "/api/customers/%27%20OR%201=1--",
        "/api/customers/..%2f..%2fetc",
    ],
)
def test_a_thing_that_is_not_there_is_404(server, path):
    answer = server.get(path)
    assert answer.status in ((400, 404) if "%00" in path else (404,)), answer.text
    assert_problem(answer, answer.status)


def test_a_wrong_method_is_405_and_says_which_are_right(server):
    for method, path, allowed in [
        ("GET", "/api/signup", "POST"),
        ("DELETE", "/api/customers", "GET"),
        ("PUT", "/api/tokens", "GET, POST"),
        ("POST", "/healthz", "GET"),
        ("GET", "/api/jobs/x/retry", "POST"),
    ]:
        answer = server.request(method, path)
        assert_problem(answer, 405)
        assert set(answer.headers["Allow"].split(", ")) >= set(allowed.split(", "))


def test_actions_on_what_is_not_there_are_404(server):
    for method, path in [
        ("POST", "/api/jobs/nothing/retry"),
        ("POST", "/api/jobs/nothing/cancel"),
        ("DELETE", "/api/tokens/nothing"),
    ]:
        assert_problem(server.request(method, path), 404)


def test_evaluating_nobody_or_nonsense_is_refused(server):
    path = "/api/admin/deployment/evaluate"
    assert_problem(server.post(path, {}), 422, "customer_id")
    assert_problem(server.post(path, {"customer_id": "nobody"}), 404, "nobody")
    assert_problem(server.post(path, {"customer_id": "there-already", "budget": -1}), 422, "budget")
    assert_problem(server.post(path, {"customer_id": "there-already", "bugdet": 1}), 422, "budget")


@pytest.mark.parametrize("path", ["/api/customers", "/api/jobs", "/api/hosts", "/api/audit"])
def test_unknown_parameters_and_bad_pages_are_422(server, path):
    for query, name in [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("cursor=abc", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=%27", "cursor"),
    ]:
        answer = server.get(f"{path}?{query}")
        assert_problem(answer, 422)
        assert name in fields_of(answer)


def test_filters_take_only_what_exists(server):
    for query in ("mode=triple_tenant", "status=asleep"):
        assert_problem(server.get(f"/api/customers?{query}"), 422, query.partition("=")[0])
    assert_problem(server.get("/api/jobs?state=asleep"), 422, "state")
    assert_problem(server.get("/api/jobs?customer=nobody"), 404, "nobody")


def test_bad_tokens_are_not_made(server):
    for body, name in [
        ({}, "role"),
        ({"name": "x", "role": "root"}, "role"),
        ({"name": "", "role": "admin"}, "name"),
        ({"name": "x" * 101, "role": "admin"}, "name"),
        ({"name": "a\nb", "role": "viewer"}, "name"),
    ]:
        answer = server.post("/api/tokens", body)
        assert_problem(answer, 422)
        assert name in fields_of(answer)


def test_a_bad_idempotency_key_is_named(server):
    for key in ("", "x" * 256, "ü"):
        answer = server.post(
            "/api/signup", signup_body("keyed"), headers={"Idempotency-Key": key}
        )
        assert answer.status in (422, 431), answer.text
        assert_problem(answer, answer.status)


def test_what_is_not_http_is_refused_and_the_server_goes_on(server):
    host, port = server.url.removeprefix("http://").split(":")
    for text in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 1000, b"GET / HT"):
        with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
            connection.sendall(text)
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
        connection.sendall(b"GET\r\n\r\n")
        connection.recv(4096)
    assert server.get("/healthz").status == 200
