"""Notices arrive where the configuration says, in each receiver's own form."""

import base64
import hashlib
import hmac
import http.server
import json
import socketserver
import threading
from email import message_from_bytes

import pytest

from support.webhost import wait_until

KEY = b"0123456789abcdef0123456789abcdef"


class Receiver:
    """Keeps what is posted to it."""

    def __init__(self):
        self.requests, self.status = [], 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def at(self, path):
        return [(headers, body) for p, headers, body in self.requests if p == path]


class MailServer:
    """As much of SMTP as a client needs that sends one mail."""

    def __init__(self):
        self.mails = []
        mails = self.mails

        class Session(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b"\r\n")

            def data(self):
                self.say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                return b"".join(line.removeprefix(b".") for line in lines)

            def handle(self):
                self.say("220 test")
                recipients = []
                for line in self.rfile:
                    verb = line.strip().upper()
                    if verb.startswith(b"RCPT"):
                        recipients.append(line.decode().split("<")[1].split(">")[0])
                    if verb == b"DATA":
                        mails.append((recipients, self.data()))
                    self.say("221 bye" if verb == b"QUIT" else "250 ok")
                    if verb == b"QUIT":
                        return

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"smtp://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def mail_server():
    server = MailServer()
    yield server
    server.close()


def secret_file(webhost, name, text):
    path = webhost.folder / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return str(path)


def serve(webhost, *targets):
    path = webhost.folder / "webhost.yaml"
    path.write_text(json.dumps({"jobs": {"poll_ms": 50}, "notify": {"targets": targets}}))
    return webhost.serve("--sandbox", "--config", path)


def cli(webhost, server, *arguments, **options):
    env = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    return webhost.run(*arguments, env=env, **options)


def send_test(server, target):
    """Returns the notice once it has arrived."""
    reply = server.post("/api/notices/test", {"target": target})
    assert reply.status == 202, reply.body
    path = f"/api/notices/{reply.body['id']}"

    def sent():
        notice = server.get(path).body
        (delivery,) = notice["deliveries"]
        return notice if delivery["state"] == "sent" else None

    return wait_until(sent, f"the test did not arrive at {target}")


def test_a_webhook_is_signed_and_keeps_its_id_when_it_is_sent_again(webhost, receiver):
    key = "whsec_" + base64.b64encode(KEY).decode()
    server = serve(webhost, {
        "name": "hook", "kind": "webhook", "url": receiver.url + "/hook",
        "secret_file": secret_file(webhost, "hook.key", key),
    })  # fmt: skip
    notice = send_test(server, "hook")
    assert server.post(f"/api/notices/{notice['id']}/replay", {}).status == 202
    wait_until(lambda: len(receiver.at("/hook")) == 2, "it was not sent again")
    for headers, body in receiver.at("/hook"):
        assert headers["webhook-id"] == notice["id"]
        signed = f"{notice['id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = hmac.new(KEY, signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
        said = json.loads(body)
        assert said["type"] == "notify.test" and said["data"]["id"] == notice["id"]


def test_other_receivers_get_their_own_forms(webhost, receiver):
    server = serve(
        webhost,
        {"name": "chat", "kind": "slack",
         "url_file": secret_file(webhost, "chat.url", receiver.url + "/chat")},
        {"name": "on-call", "kind": "pagerduty", "url": receiver.url + "/pager",
         "secret_file": secret_file(webhost, "pager.key", "R0UT1NG")},
        {"name": "alerts", "kind": "alertmanager", "url": receiver.url + "/alerts"},
    )  # fmt: skip
    for target in ("chat", "on-call", "alerts"):
        send_test(server, target)
    ((_, chat),) = receiver.at("/chat")
    text = json.loads(chat)["text"]
    assert "This is a test of the target chat" in text
    ((_, pager),) = receiver.at("/pager")
    event = json.loads(pager)
    assert event["routing_key"] == "R0UT1NG" and event["event_action"] == "trigger"
    assert event["payload"]["severity"] == "info" and event["payload"]["source"] == "webhost"
    ((_, alerts),) = receiver.at("/alerts")
    group = json.loads(alerts)
    assert group["version"] == "4" and group["status"] == "firing"
    (alert,) = group["alerts"]
    assert alert["labels"]["alertname"] == "notify.test"
    assert alert["annotations"]["summary"].startswith("This is a test")


def test_a_mail_arrives_for_everyone_it_is_for(webhost, mail_server):
    server = serve(webhost, {
        "name": "team", "kind": "email", "url": mail_server.url, "from": "webhost@fleet.example",
        "to": ["a@fleet.example", "b@fleet.example"],
    })  # fmt: skip
    notice = send_test(server, "team")
    ((recipients, raw),) = mail_server.mails
    assert recipients == ["a@fleet.example", "b@fleet.example"]
    mail = message_from_bytes(raw)
    assert mail["Subject"] == "[webhost] info: notify.test"
    assert mail["Message-ID"] == f"<{notice['id']}@fleet.example>"
    (text,) = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    assert "This is a test of the target team" in text.get_payload(decode=True).decode()


def test_what_does_not_arrive_is_tried_again_and_the_command_line_tells(webhost, receiver):
    receiver.status = 503
    server = serve(webhost, {"name": "hook", "kind": "webhook", "url": receiver.url + "/s3cret"})
    done = cli(webhost, server, "notices", "test", "hook", "-o", "json")
    notice = json.loads(done.stdout)
    path = f"/api/notices/{notice['id']}"
    wait_until(lambda: server.get(path).body["deliveries"][0]["attempts"] == 1, "nothing was tried")
    shown = cli(webhost, server, "notices", "show", notice["id"]).stdout
    assert "target hook answered 503" in shown and "s3cret" not in shown
    receiver.status = 200
    wait_until(lambda: server.get(path).body["deliveries"][0]["state"] == "sent", "not sent")
    assert notice["id"] in cli(webhost, server, "notices", "--kind", "notify.test").stdout


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ({"name": "a", "kind": "email", "url": "smtp://127.0.0.1:1"}, "needs from"),
        ({"name": "a", "kind": "slack"}, "needs url, or url_file"),
        ({"name": "a", "kind": "pagerduty"}, "needs secret_file"),
        ({"name": "a", "kind": "slack", "url": "http://x/", "quiet_from": "22:00"}, "quiet_until"),
        ({"name": "a", "kind": "slack", "url": "http://x/", "digest_at": "7am"}, "as 07:30"),
    ],
)
def test_a_target_that_cannot_work_is_refused_at_the_start(webhost, target, problem):
    path = webhost.folder / "webhost.yaml"
    path.write_text(json.dumps({"notify": {"targets": [target]}}))
    done = webhost.run("serve", "--sandbox", "--data", webhost.folder / "d", "--config", path,
                       status=2)  # fmt: skip
    assert problem in done.stderr and "notify.targets[0]" in done.stderr
