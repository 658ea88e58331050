"""
The clouds' tokens, and what of them can be found: in what the program says and writes, and in the
memory that a core dump of it would hold (docs/configuration.md, Secrets).
"""

import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from support.cloud import Gate
from support.customers import LARGE, SMALL, sign_up, wait_active
from support.leaving import fill, offboard, wait_offboarding
from support.webhost import DEADLINE, request, wait_until

# As HCLOUD_TOKEN and FLY_API_TOKEN; nothing else in the world has these bytes.
HETZNER = "hcloud-" + "5d1c9e0b" * 6
FLY = "FlyV1 fm2_" + "a7f3e2d8" * 80
TOKENS = {"HCLOUD_TOKEN": HETZNER, "FLY_API_TOKEN": FLY}


def serve(cloud, **env):
    path = cloud.config(cloud.gate.url)
    return cloud.webhost.serve("--config", path, "--log-level", "debug", env={**TOKENS, **env})


def serve_dumpable(cloud, url=None, **settings):
    """Its memory can be read. A sanitizer copies the environment: the tokens are in files then."""
    files = {}
    for name, token in TOKENS.items():
        files[name] = cloud.webhost.folder / name
        files[name].write_text(token)
        files[name].chmod(0o600)
    settings["token_file"] = str(files["HCLOUD_TOKEN"])
    settings["fly"] = {"token_file": str(files["FLY_API_TOKEN"])}
    path = cloud.config(url or cloud.gate.url, **settings)
    env = {"WEBHOST_CORE_DUMPS": "1"}
    return cloud.webhost.serve("--config", path, env=env)


def find_in(text, where):
    content = text if isinstance(text, bytes) else text.encode()
    for name, token in TOKENS.items():
        assert token.encode() not in content, f"{name} is in {where}"
        assert token.encode()[-40:] not in content, f"a part of {name} is in {where}"


def live_through_everything(cloud, server):
    """Signups that succeed, are refused, fail and are given up; moves, exports, leaving."""
    cloud.fault("POST", "/v1/servers", {"status": 401, "body": {"error": {"code": "unauthorized",
                "message": "nobody knows you"}}}, count=1)  # fmt: skip
    cloud.fault("POST", "/v1/apps", {"status": 500, "body": {"error": "out of order"}}, count=1)
    cloud.fault("GET", "/v1/apps", {"status": 200, "body": "not what was asked for"}, skip=3,
                count=1)  # fmt: skip
    customer_id = sign_up(server, "small", SMALL)["customer"]["id"]
    sign_up(server, "large", LARGE)
    wait_until(lambda: server.get("/api/jobs").text.count("answered") >= 2, "no fault was met")
    for job in server.get("/api/jobs?state=retryable").body["jobs"]:
        server.post(f"/api/jobs/{job['id']}/retry")
    wait_active(server, "small", "large")
    host = server.get("/api/hosts").body["hosts"][0]["name"]
    fill(cloud.webhost.folder / "hetzner" / f"{host}.db", customer_id)
    large = server.get("/api/customers/large").body["id"]
    offboard(server, "large", retention_days=0)
    wait_offboarding(server, large, "done")


def test_no_log_reply_metric_or_file_has_a_token(cloud):
    server = serve(cloud)
    live_through_everything(cloud, server)
    paths = [
        "/metrics", "/api/jobs", "/api/audit", "/api/hosts", "/api/instances", "/api/policies",
        "/api/queues", "/api/migrations", "/api/tokens", "/api/customers/small",
        "/api/admin/deployment/status/small", "/api/nowhere", "/healthz", "/readyz",
    ]  # fmt: skip
    for path in paths:
        find_in(server.get(path).text, path)
    for job in server.get("/api/jobs").body["jobs"]:
        find_in(server.get(f"/api/jobs/{job['id']}").text, f"job {job['id']}")
    for body, token in [(b"{", server.token), ({}, "wh_wrong"), ({"name": 7}, server.token)]:
        find_in(request("POST", server.url + "/api/signup", body, token=token).text, "a refusal")
    server.stop()
    find_in(server.out + server.err, "the log")
    assert "api/signup" in server.err  # it is the log of everything
    for name, content in cloud.webhost.stored():
        find_in(content, name)
        assert server.token.encode() not in content, name


def dumped_memory(pid):
    """(name, bytes) of every mapping that a core dump of the process would have."""
    mappings = Path(f"/proc/{pid}/smaps").read_text()
    blocks = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", mappings, flags=re.MULTILINE)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for block in filter(None, blocks):
            head = block.splitlines()[0].split(None, 5)
            flags = re.search(r"^VmFlags:(.*)$", block, re.MULTILINE).group(1).split()
            start, end = (int(part, 16) for part in head[0].split("-"))
            resident = int(re.search(r"^Rss:\s+(\d+)", block, re.MULTILINE).group(1))
            if "dd" in flags or "rd" not in flags or "io" in flags or resident == 0:
                continue
            yield head[5] if len(head) > 5 else head[0], start, end, memory


def search_memory(pid, needle):
    """Where the bytes are, by the name of the mapping."""
    found = []
    for name, start, end, memory in dumped_memory(pid):
        at, kept = start, b""
        while at < end:
            try:
                memory.seek(at)
                piece = memory.read(min(1 << 22, end - at))
            except (OSError, OverflowError):
                break
            if needle in kept + piece:
                found.append(name)
                break
            kept, at = piece[-len(needle) :], at + len(piece)
            if not piece:
                break
    return found


def find_in_memory(cloud, server):
    """Where any part of a token is that is worth having, by token and mapping."""
    try:
        # The search does find what is there: the path of the data directory.
        assert search_memory(server.pid, str(cloud.webhost.folder / "data").encode())
    except PermissionError:
        pytest.skip("this user may not read the memory of its own processes")
    parts = {name: token.encode()[-20:] for name, token in TOKENS.items()}
    found = {name: search_memory(server.pid, part) for name, part in parts.items()}
    return {name: where for name, where in found.items() if where}


def test_a_core_dump_between_calls_has_no_token(cloud):
    server = serve_dumpable(cloud)
    live_through_everything(cloud, server)
    wait_until(lambda: not server.get("/api/jobs?state=executing").body["jobs"], "a job runs on")
    assert find_in_memory(cloud, server) == {}


def test_a_call_that_is_on_its_way_has_a_copy_that_goes_with_it(cloud):
    stop = cloud.gate.stop("GET", "/v1/servers$", after=True)
    server = serve_dumpable(cloud)
    sign_up(server, "small", SMALL)
    stop.wait()
    assert list(find_in_memory(cloud, server)) == ["HCLOUD_TOKEN"]
    cloud.gate.open()
    wait_active(server, "small")
    wait_until(lambda: not server.get("/api/jobs?state=executing").body["jobs"], "a job runs on")
    assert find_in_memory(cloud, server) == {}


class Refusal(Gate):
    """Tells the first request to each cloud to come again later than any test takes."""

    def __init__(self, url, certificate=None):
        self.refused = {"servers": threading.Event(), "apps": threading.Event()}
        super().__init__(url, certificate)

    def forward(self, method, path, body, headers):
        for name, refused in self.refused.items():
            if path.startswith(f"/v1/{name}") and not refused.is_set():
                refused.set()
                return 429, [("Retry-After", str(DEADLINE))], b"{}"
        return super().forward(method, path, body, headers)


def make_certificate(folder):
    """A file with a key and its certificate for 127.0.0.1."""
    key, certificate, both = (folder / name for name in ("key.pem", "cert.pem", "tls.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj",
         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
         certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_text(key.read_text() + certificate.read_text())
    return both, certificate


BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def trust(webhost, certificate):
    """From now on programs are started where this certificate is the only one that is trusted."""
    script = webhost.folder / "trusting"
    namespace = "unshare -m" if os.geteuid() == 0 else "unshare -rm"
    script.write_text(
        f"""#!/bin/sh
exec {namespace} sh -c 'mount --bind {certificate} {BUNDLE} && exec "$@"' sh {webhost.program} "$@"
"""
    )
    script.chmod(0o755)
    webhost.program = script
    probe = subprocess.run([script, "help"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no mount of our own: {probe.stderr.decode()}")


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_core_dump_of_a_run_that_waits_to_repeat_its_call_has_no_token(cloud, tls):
    """The call is over; the connection and all that libcurl keeps for the next one are there."""
    both = None
    if tls:
        if not shutil.which("unshare") or not os.path.exists(BUNDLE):
            pytest.skip("the bundle of certificates cannot be replaced for one program")
        both, certificate = make_certificate(cloud.webhost.folder)
        trust(cloud.webhost, certificate)
    refusal = Refusal(cloud.process.url, both)
    cloud.webhost.at_close(refusal.close)
    server = serve_dumpable(cloud, refusal.url, call_wait_ms=60000)
    sign_up(server, "small", SMALL)
    sign_up(server, "large", LARGE)
    for refused in refusal.refused.values():
        assert refused.wait(DEADLINE)
    # The call is on the record once its reply was read.
    wait_until(lambda: len(answered(server)) == 2, "the refusals were not read")
    assert find_in_memory(cloud, server) == {}
    assert len(server.get("/api/jobs?state=executing").body["jobs"]) >= 2, "nobody waits"
    server.kill()


def answered(server):
    calls = server.get("/api/provider-calls").body["calls"]
    return [call for call in calls if call["status"] == 429]


def test_unless_it_is_allowed_the_process_cannot_be_dumped(cloud):
    closed = serve(cloud, WEBHOST_CORE_DUMPS="0")
    limits = Path(f"/proc/{closed.pid}/limits").read_text()
    assert re.search(r"^Max core file size\s+0\s+0 ", limits, re.MULTILINE)
    # The files in /proc of a process that cannot be dumped belong to root.
    assert Path(f"/proc/{closed.pid}/mem").stat().st_uid == 0
    closed.kill()
