"""`webhost doctor`: what it finds, and that it says it without a server and without a secret."""

import json
import socket

from support.fleet import fleet, postgres  # noqa: F401
from support.pooler import pooler

TOKENS = {"HCLOUD_TOKEN": "hetzner-secret", "FLY_API_TOKEN": "fly-secret"}


def examine(webhost, *options, status, env=None):
    """{check: finding}; the exit code must be `status`."""
    env = {**TOKENS, **(env or {})}
    done = webhost.run("doctor", "-o", "json", *options, status=status, env=env)
    for secret in TOKENS.values():
        assert secret not in done.stdout + done.stderr
    report = json.loads(done.stdout)
    worst = max(("ok", "warn", "fail").index(f["status"]) for f in report["checks"])
    assert worst == status and report["status"] == ("ok", "warn", "fail")[status]
    return {f["check"]: f for f in report["checks"]}


def options_of(cloud, data="data"):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return ["--config", cloud.config(cloud.process.url), "--data", cloud.webhost.folder / data,
            "--listen", f"127.0.0.1:{port}"]  # fmt: skip


def test_before_the_first_start_it_tells_what_is_not_there_yet(cloud):
    found = examine(cloud.webhost, *options_of(cloud), status=1)
    assert "does not exist yet" in found["data directory"]["seen"]
    assert found["database"]["status"] == "warn"
    assert found["hetzner token"]["seen"] == "may read and write"
    assert found["fly token"]["status"] == "ok"
    assert found["listen"]["seen"].endswith("is free")
    assert not (cloud.webhost.folder / "data").exists()


def test_beside_a_server_that_runs_it_finds_nothing_that_fails(cloud):
    server = cloud.serve(gate=False)
    options = options_of(cloud)
    options[-1] = server.url.removeprefix("http://")
    found = examine(cloud.webhost, *options, status=1)
    assert "is ready" in found["listen"]["seen"]
    assert found["database integrity"]["seen"] == "ok"
    assert found["database journal"]["seen"] == "wal"
    assert found["database schema"]["status"] == "ok"
    # The sandbox speaks plain HTTP, which is the only thing to warn of, with what the machine has.
    machine = {"disk", "disk writes", "open files"}
    warned = {name for name, f in found.items() if f["status"] != "ok"} - machine
    assert warned == {"hetzner endpoint", "fly endpoint"}


def test_it_names_what_will_not_work(cloud):
    data = cloud.webhost.folder / "data"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    (data / "webhost.db").write_bytes(b"this is no database at all" * 50)
    token = cloud.webhost.folder / "token"
    token.write_text("open-to-all\n")
    token.chmod(0o644)
    path = cloud.config("http://127.0.0.1:9")
    path.write_text(path.read_text().replace("    slots_per_host", f"    token_file: {token}\n"
                                             "    slots_per_host"))  # fmt: skip
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        found = examine(
            cloud.webhost, "--config", path, "--data", data, "--listen", listen,
            "--policy", "nothing", status=2,
        )  # fmt: skip
    assert "open to every user" in found["data directory"]["seen"]
    assert found["database"]["status"] == "fail"
    assert "run chmod 600" in found["hetzner token"]["seen"]
    assert "could not connect" in found["fly endpoint"]["seen"]
    assert found["policy"]["status"] == "fail" and found["listen"]["status"] == "fail"
    assert all(f["advice"] for f in found.values() if f["status"] == "fail")


def test_a_token_that_the_cloud_refuses_or_that_may_only_read_is_told(cloud):
    forbidden = {"status": 403, "body": {"error": {"code": "token_readonly", "message": "no"}}}
    cloud.fault("POST", "/v1/servers", forbidden)
    cloud.fault("GET", "/v1/apps", {"status": 401, "body": {"error": "unauthorized"}})
    found = examine(cloud.webhost, *options_of(cloud), status=2)
    assert found["hetzner token"]["seen"] == "may read and not write"
    assert "does not know it" in found["fly token"]["seen"]
    assert cloud.state()["counts"]["servers"] == 0


def test_without_tokens_and_with_an_unknown_key_it_says_so(cloud):
    none = {"HCLOUD_TOKEN": "", "FLY_API_TOKEN": ""}
    found = examine(cloud.webhost, *options_of(cloud), status=1, env=none)
    assert found["hetzner token"]["seen"] == "HCLOUD_TOKEN is not set"
    path = cloud.webhost.folder / "wrong.yaml"
    path.write_text("polcy: default\n")
    found = examine(cloud.webhost, "--config", path, status=2)
    assert "polcy" in found["configuration"]["seen"] and len(found) == 1


def test_postgresql_is_asked_for_what_serve_relies_on(fleet):  # noqa: F811
    server = fleet.serve("one")
    url = fleet.database
    options = [*options_of(fleet.cloud, "one"), "--database", url]
    found = examine(fleet.cloud.webhost, *options, status=1)
    assert "PostgreSQL" in found["database"]["seen"]
    assert found["database pooler"]["status"] == "ok"
    assert "synchronous_commit is on" in found["database commits"]["seen"]
    assert found["database clock"]["status"] == "ok"
    assert "of 200 are in use" in found["database connections"]["seen"]
    assert server.popen.poll() is None


def test_a_pooler_that_swallows_notifications_is_told(fleet, postgres):  # noqa: F811
    """serve would start, and its nodes would hear nothing of each other."""
    fleet.serve("one")
    with pooler(postgres.cluster, fleet.database) as url:
        options = [*options_of(fleet.cloud, "one"), "--database", url]
        found = examine(fleet.cloud.webhost, *options, status=2)
    assert found["database"]["status"] == "ok"
    assert found["database pooler"]["status"] == "fail"
    assert "transaction mode" in found["database pooler"]["seen"]
    assert "connect directly" in found["database pooler"]["advice"]


def test_people_get_a_line_for_each_check_and_what_to_do(cloud):
    done = cloud.webhost.run("doctor", *options_of(cloud), status=1, env=TOKENS)
    assert "warn  database: " in done.stdout and "      -> " in done.stdout
