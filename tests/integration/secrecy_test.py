"""
The clouds' tokens, and what of them can be found: in what the program says and writes, and in the
memory that a core dump of it would hold (docs/configuration.md, Secrets).
"""

import os
import re
from pathlib import Path

import pytest

from support.customers import LARGE, SMALL, sign_up, wait_active
from support.leaving import fill, offboard, wait_offboarding
from support.webhost import request, wait_until

# As HCLOUD_TOKEN and FLY_API_TOKEN; nothing else in the world has these bytes.
HETZNER = "hcloud-" + "5d1c9e0b" * 6
FLY = "FlyV1 fm2_" + "a7f3e2d8" * 6
TOKENS = {"HCLOUD_TOKEN": HETZNER, "FLY_API_TOKEN": FLY}


def serve(cloud, **env):
    path = cloud.config(cloud.gate.url)
    return cloud.webhost.serve("--config", path, "--log-level", "debug", env={**TOKENS, **env})


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


def sanitized():
    return b"__asan_init" in Path(os.environ["WEBHOST_BIN"]).read_bytes()


@pytest.mark.skipif(sanitized(), reason="a sanitizer keeps what was freed, and maps terabytes")
def test_a_core_dump_between_calls_has_no_token(cloud):
    server = serve(cloud, WEBHOST_CORE_DUMPS="1")
    live_through_everything(cloud, server)
    wait_until(lambda: not server.get("/api/jobs?state=executing").body["jobs"], "a job runs on")
    try:
        assert search_memory(server.pid, b"nobody-has-this-" * 2) == []
        # The search does find what is there: the path of the data directory.
        assert search_memory(server.pid, str(cloud.webhost.folder / "data").encode())
    except PermissionError:
        pytest.skip("this user may not read the memory of its own processes")
    for name, token in TOKENS.items():
        found = search_memory(server.pid, token.encode())
        assert found == [], f"{name} is in {found}"


def test_unless_it_is_allowed_the_process_cannot_be_dumped(cloud):
    closed = serve(cloud, WEBHOST_CORE_DUMPS="0")
    limits = Path(f"/proc/{closed.pid}/limits").read_text()
    assert re.search(r"^Max core file size\s+0\s+0 ", limits, re.MULTILINE)
    # The files in /proc of a process that cannot be dumped belong to root.
    assert Path(f"/proc/{closed.pid}/mem").stat().st_uid == 0
    closed.kill()
