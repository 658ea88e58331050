"""Usage over HTTP: who may send, what is refused, and that each batch is counted once."""

import gzip
import http.client
import json
import threading
import time
from urllib.parse import urlsplit

from support.customers import sign_up

NDJSON = {"Content-Type": "application/x-ndjson"}
SUM = "SELECT CAST(coalesce(sum(events), 0) AS BIGINT) FROM usage_hours"
KEYS = "SELECT count(*) FROM usage_keys"


def event(customer="acme", number=0, **data):
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "/test",
        "type": "api_call",
        "subject": customer,
        "data": {"duration_ms": 12.5, "status": 200, **data},
    }


def lines(count, **options):
    return "".join(json.dumps(event(number=n, **options)) + "\n" for n in range(count)).encode()


def send(server, body, path="/api/usage/events", **options):
    headers = {**NDJSON, **options.pop("headers", {})}
    return server.request("POST", path, body, headers=headers, **options)


def ingest_token(server, **options):
    made = server.post("/api/tokens", {"name": "edge", "role": "ingest", **options})
    assert made.status == 201, made.text
    return made.body["token"]


def stored(webhost):
    return webhost.rows(SUM)[0][0]


def test_what_the_sender_is_told_is_what_is_stored(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme")
    body = lines(3) + b"nonsense\n" + lines(1, customer="nobody") + lines(2, status=7)
    answer = send(server, body, token=ingest_token(server))
    assert answer.status == 200, answer.text
    assert (answer.body["accepted"], answer.body["refused"]) == (3, 4)
    assert [error["index"] for error in answer.body["errors"]] == [3, 4, 5, 6]
    assert "nobody" in answer.body["errors"][1]["reason"]
    assert "data.status" in answer.body["errors"][2]["reason"]
    assert stored(webhost) == 3


def test_every_format_is_read(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme")
    one, many = json.dumps(event()).encode(), json.dumps([event(), event()]).encode()
    for kind, body, count in (
        ("application/cloudevents+json", one, 1),
        ("application/cloudevents-batch+json; charset=utf-8", many, 2),
        ("application/json", one, 1),
        ("application/json", many, 2),
        ("application/x-ndjson", lines(4), 4),
    ):
        answer = send(server, body, headers={"Content-Type": kind})
        assert (answer.status, answer.body["accepted"]) == (200, count), answer.text
    packed = send(server, gzip.compress(lines(5)), headers={"Content-Encoding": "gzip"})
    assert (packed.status, packed.body["accepted"]) == (200, 5)
    assert stored(webhost) == 15
    assert send(server, lines(1), headers={"Content-Encoding": "gzip"}).status == 422
    assert send(server, lines(1), headers={"Content-Encoding": "br"}).status == 415
    assert send(server, lines(1), headers={"Content-Type": "text/csv"}).status == 415
    assert send(server, b"[{]", headers={"Content-Type": "application/json"}).status == 422
    assert stored(webhost) == 15


def test_a_batch_is_counted_once_and_an_event_where_that_is_asked(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme")
    key = {"Idempotency-Key": "batch-1"}
    first, again = send(server, lines(3), headers=key), send(server, lines(3), headers=key)
    assert (first.status, again.status, again.text) == (200, 200, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert send(server, lines(4), headers=key).status == 422
    assert stored(webhost) == 3
    for expected in ((4, 0), (0, 4)):
        answer = send(server, lines(4), path="/api/usage/events?dedupe=id")
        assert (answer.body["accepted"], answer.body["duplicate"]) == expected
    assert send(server, lines(1), path="/api/usage/events?dedupe=name").status == 422
    assert stored(webhost) == 7


def test_tokens_send_what_is_theirs_and_do_nothing_else(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme")
    sign_up(server, "beta")
    edge, acme = ingest_token(server), ingest_token(server, customer="acme")
    viewer = server.post("/api/tokens", {"name": "v", "role": "viewer"}).body["token"]
    assert send(server, lines(1), token=viewer).status == 403
    assert send(server, lines(1), token=None).status == 401
    assert server.get("/api/customers", token=edge).status == 403
    assert server.post("/api/tokens", {"name": "x", "role": "admin"}, token=edge).status == 403
    assert send(server, lines(1, customer="beta"), token=edge).body["accepted"] == 1
    mixed = send(server, lines(1) + lines(1, customer="beta"), token=acme)
    assert (mixed.body["accepted"], mixed.body["refused"]) == (1, 1)
    wrong = server.post("/api/tokens", {"name": "x", "role": "viewer", "customer": "acme"})
    assert wrong.status == 422


def test_what_is_too_large_is_refused_and_nothing_of_it_counts(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme")
    bomb = gzip.compress(b" " * (17 << 20))
    assert send(server, bomb, headers={"Content-Encoding": "gzip"}).status == 413
    assert send(server, b" " * ((16 << 20) + 1)).status == 413
    assert send(server, b"x\n" * 100001).status == 413
    assert stored(webhost) == 0


def test_bodies_beyond_the_memory_for_them_are_told_to_come_later(webhost):
    config = webhost.folder / "small.yaml"
    config.write_text("ingest:\n  memory_mb: 1\n")
    server = webhost.serve("--sandbox", "--config", config)
    sign_up(server, "acme")
    answer = send(server, b" " * (2 << 20))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    assert send(server, lines(5)).body["accepted"] == 5  # its memory is free again


class Sender(threading.Thread):
    """Sends batches, each until it is answered; a batch keeps its key."""

    def __init__(self, name, token, where, ended):
        super().__init__()
        self.name, self.token, self.where, self.ended = name, token, where, ended
        self.told, self.sent, self.replayed, self.problem = 0, 0, 0, None

    def run(self):
        try:
            number = 0
            while not self.ended.is_set():
                self.deliver(f"{self.name}-{number}", 1 + number % 50)
                number += 1
        except BaseException as problem:  # pylint: disable=broad-except
            self.problem = problem

    def deliver(self, key, count):
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key, **NDJSON}
        end = time.monotonic() + 60
        while True:
            assert time.monotonic() < end, f"{key} was never answered"
            try:
                connection = http.client.HTTPConnection(self.where["address"], timeout=60)
                connection.request("POST", "/api/usage/events", lines(count), headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)  # the server is away: there is nothing to wait on
                continue
            if answer.status != 503:
                break
        assert answer.status == 200, text
        self.told += json.loads(text)["accepted"]
        self.sent += 1
        self.replayed += answer.headers["Idempotency-Replayed"] == "true"


def test_a_kill_loses_no_event_that_was_acknowledged_and_counts_none_twice(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme")
    token = ingest_token(server)
    where, ended = {"address": urlsplit(server.url).netloc}, threading.Event()
    senders = [Sender(f"s{n}", token, where, ended) for n in range(6)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(4):
            before = sum(sender.sent for sender in senders)
            while sum(s.sent for s in senders) < before + 60:
                assert not any(s.problem for s in senders)
                time.sleep(0.01)
            server.kill()
            server = webhost.serve("--sandbox")
            where["address"] = urlsplit(server.url).netloc
    finally:
        ended.set()
        for sender in senders:
            sender.join()
    assert [sender.problem for sender in senders] == [None] * len(senders)
    assert stored(webhost) == sum(sender.told for sender in senders)
    assert webhost.rows(KEYS)[0][0] == sum(sender.sent for sender in senders)
