"""Starting and stopping: once, again, twice at the same time, with mistakes, and without a disk."""

import json
import os
import signal
import socket

import pytest

from support.cloud import everything
from support.customers import LARGE, SMALL, sign_up, wait_active
from support.engine import sqlite_only
from support.webhost import DEADLINE, request, wait_until

SERVERS = r"/v1/servers$"


def executing(webhost):
    return webhost.rows("SELECT id FROM jobs WHERE state = 'executing'")


def test_sigterm_ends_it_with_0_and_nothing_executing(webhost):
    server = webhost.serve("--demo")
    sign_up(server, "one-more")
    server.stop()
    assert executing(webhost) == []


def test_sigterm_lets_the_job_that_runs_finish_and_takes_no_other(cloud):
    stop = cloud.gate.stop("POST", SERVERS, after=True)
    server = cloud.serve()
    sign_up(server, "small", SMALL)
    stop.wait()
    server.popen.send_signal(signal.SIGTERM)
    wait_until(lambda: not answers(server), "it still answers HTTP")
    assert server.popen.poll() is None  # the job still runs
    cloud.gate.open()
    server.wait_for_end(0)
    assert executing(cloud.webhost) == []
    ((recorded,),) = cloud.webhost.rows("SELECT provider_id FROM hosts")
    assert recorded == cloud.state()["servers"][0]["id"]


def answers(server):
    try:
        return request("GET", server.url + "/healthz").status == 200
    except OSError:
        return False


def test_a_job_that_outlasts_the_drain_is_taken_up_by_the_next_start(cloud):
    stop = cloud.gate.stop("POST", SERVERS, after=True)
    server = cloud.serve(drain_ms=100)
    sign_up(server, "small", SMALL)
    stop.wait()
    server.stop()
    cloud.gate.open()
    server = cloud.serve()
    wait_active(server, "small")
    assert cloud.state()["counts"]["servers"] == 1


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_both_signals_of_a_stop_end_a_server_that_was_just_started(webhost, name):
    server = webhost.serve()
    server.popen.send_signal(getattr(signal, name))
    server.wait_for_end(0)


def test_the_second_start_prints_no_token_and_keeps_everything(webhost):
    first = webhost.serve("--sandbox")
    sign_up(first, "kept")
    wait_active(first, "kept")
    shown = first.get("/api/customers/kept").body
    first.stop()
    assert first.out.count("admin token: ") == 1
    second = webhost.serve("--sandbox")
    assert "token" not in second.out
    assert second.get("/api/customers/kept").body == shown


def test_a_restart_of_the_demonstration_prints_a_token_and_ends_the_old_one(webhost):
    first = webhost.serve("--demo")
    wait_active(first, "acme-logistics")
    slugs = sorted(c["slug"] for c in everything(first.get, "customers"))
    first.stop()
    second = webhost.serve("--demo")
    assert second.token != first.token
    assert second.get("/api/customers").status == 200
    assert second.get("/api/customers", token=first.token).status == 401
    assert sorted(c["slug"] for c in everything(second.get, "customers")) == slugs


def test_what_the_demonstration_says_to_try_works(webhost):
    server = webhost.serve("--demo")
    wait_active(server, "acme-logistics")
    exported = dict(
        pair.split("=", 1)
        for line in server.out.splitlines()
        if line.strip().startswith("export ")
        for pair in line.split()[1:]
    )
    assert exported == {"WEBHOST_TOKEN": server.token, "WEBHOST_SERVER": server.url}
    assert "acme-logistics" in webhost.run("status", "acme-logistics", env=exported).stdout


def test_a_policy_file_decides(webhost):
    text = (
        "name: ours\nextends: plan-v1\nsummary: everybody gets machines\n"
        "constraints:\n"
        "  - name: all-dedicated\n    when: {vehicle_count: \">= 0\"}\n    mode: single_tenant\n"
        "    because: we promised it\n"
    )
    path = webhost.folder / "ours.yaml"
    path.write_text(text)
    checked = json.loads(webhost.run("policy", "check", path, "-o", "json").stdout)["policy"]
    server = webhost.serve("--sandbox", "--policy", path)
    decision = sign_up(server, "small", SMALL)["decision"]
    assert decision["mode"] == "single_tenant"
    assert decision["policy"] == {"name": "ours", "sha256": checked["sha256"]}
    policies = server.get("/api/policies").body["policies"]
    assert [policy["name"] for policy in policies if policy["active"]] == ["ours"]
    assert server.get("/api/policies/ours").body["text"] == text


# -- what keeps it from starting -------------------------------------------------------------------


def refused(webhost, *options, status=None):
    """Runs `serve`, which must end by itself before it listens; returns what it said."""
    process = webhost.start(
        "serve", "--listen", "127.0.0.1:0", *webhost.storage(options), *options,
        env={"HCLOUD_TOKEN": "x", "FLY_API_TOKEN": "x"},
    )  # fmt: skip
    code = process.popen.wait(DEADLINE)
    process.wait_for_end(code)
    assert code == status if status else 0 < code < 8, process.err
    assert "listening" not in process.out
    assert process.err.startswith("webhost: "), process.err
    return process.err


def test_mistakes_in_the_configuration_are_named_with_their_lines(webhost):
    path = webhost.folder / "webhost.yaml"
    path.write_text(
        "listen: 127.0.0.1:0\n"
        "polcy: default\n"
        "log:\n"
        "  level: loud\n"
        "jobs:\n"
        "  lease_ms: 1\n"
        "provisioning:\n"
        "  hetzner:\n"
        "    slots_per_host: many\n"
    )
    said = refused(webhost, "--config", path, status=2)
    assert str(path) in said
    for line, word in [(2, "polcy"), (4, "log.level"), (6, "jobs.lease_ms"), (9, "slots_per_host")]:
        assert f"line {line}: " in said and word in said
    assert not (webhost.folder / "data").exists()


@pytest.mark.parametrize(
    "text", ["listen: [", "- a\n- b\n", "listen: a\nlisten: b\n", "\0", "&a [*a]"], ids=repr
)
def test_a_configuration_that_is_no_map_is_refused(webhost, text):
    path = webhost.folder / "webhost.yaml"
    path.write_text(text)
    assert str(path) in refused(webhost, "--config", path)


def test_a_configuration_that_is_not_there_is_refused(webhost):
    assert "nowhere.yaml" in refused(webhost, "--config", webhost.folder / "nowhere.yaml")


def test_a_wrong_policy_is_refused_before_anything_is_made(webhost):
    path = webhost.folder / "wrong.yaml"
    path.write_text("name: wrong\nextends: plan-v1\nchoose_above: 7\n")
    said = refused(webhost, "--sandbox", "--policy", path)
    assert "wrong.yaml" in said and "line 3" in said
    assert "nothing" in refused(webhost, "--policy", "nothing")


def test_a_port_that_is_taken_is_named(webhost):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(webhost, "--sandbox", "--listen", f"127.0.0.1:{port}")
        assert f"127.0.0.1 port {port}" in said and "another program" in said
    assert executing(webhost) == []


@pytest.mark.parametrize(
    "address", ["nonsense", "127.0.0.1", "127.0.0.1:99999", ":", "256.0.0.1:1"],
)
def test_an_address_that_is_none_is_refused(webhost, address):
    assert address in refused(webhost, "--listen", address)


def test_a_data_directory_that_cannot_be_is_named(webhost):
    (webhost.folder / "file").write_text("here already")
    for path in (webhost.folder / "file", webhost.folder / "file/data", webhost.folder / "no/such"):
        assert str(path) in refused(webhost, "--data", path)
        assert str(path) in refused(webhost, "--sandbox", "--data", path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_is_not_ours_to_write_is_named(webhost):
    path = webhost.folder / "locked"
    path.mkdir(mode=0o500)
    assert str(path) in refused(webhost, "--data", path)


def test_a_second_process_on_the_same_data_is_refused_and_harms_nothing(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "small", SMALL)
    assert str(webhost.folder / "data") in refused(webhost, "--sandbox")
    wait_active(server, "small")


@sqlite_only("damages a file; a PostgreSQL database has none of ours")
def test_a_database_that_is_none_is_refused(webhost):
    (webhost.folder / "data").mkdir()
    (webhost.folder / "data/webhost.db").write_bytes(b"not a database, surely" * 100)
    assert "webhost.db" in refused(webhost)
    assert (webhost.folder / "data/webhost.db").read_bytes()[:14] == b"not a database"


def test_a_database_of_another_kind_is_refused(webhost):
    assert "postgres://" in refused(webhost, "--database", "mysql://localhost/x")


def test_a_postgres_that_is_not_there_is_named_without_its_password(webhost):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        url = f"postgres://user:hidden-password@127.0.0.1:{port}/db?connect_timeout=3"
        said = refused(webhost, "--database", url)
    assert "hidden-password" not in said and str(port) in said


def test_without_cloud_tokens_it_starts_and_says_so(webhost):
    server = webhost.serve(env={"HCLOUD_TOKEN": "", "FLY_API_TOKEN": ""})
    assert "HCLOUD_TOKEN" in server.err and "FLY_API_TOKEN" in server.err
    assert server.get("/readyz").status == 200


def test_tokens_for_the_clouds_are_in_no_log_and_no_file(cloud):
    server = cloud.serve("--log-level", "debug", gate=False)
    sign_up(server, "small", SMALL)
    sign_up(server, "large", LARGE)
    wait_active(server, "small", "large")
    server.stop()
    for text in ("hetzner-secret", "fly-secret"):
        assert text not in server.out + server.err
        for name, content in cloud.webhost.stored():
            assert text.encode() not in content, f"{text} is in {name}"
